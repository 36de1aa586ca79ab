// SPDX-License-Identifier: AGPL-3.0-or-later

// Package kobo reads submissions of KoboToolbox and other ODK servers as their
// API hands them out in JSON: a list, or an object with results or submissions.
// Keys are the paths of questions (group/question); repeats are lists whose keys
// say the full path again.
//
// A submission is a case, known by the id of its first version, so that one
// that was edited changes its case and makes none. What the questions mean, only
// the form knows: the ready mapping takes the day of the submission, and what it
// was answered is mapped in a copy of it.
package kobo
