// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ics reads and writes hearings and tasks as calendars (iCalendar, RFC
// 5545): a hearing is an event, a task with a term a to-do.
//
// Entries that name a case (X-KUA-CASE, as those written here do) come into it;
// any other is a case by itself, known by its UID. What kind of hearing or task
// it is, only those written here say (X-KUA-KIND); the others become notes of
// their day, with their words. The calendar that a member subscribes to, which
// names no case, is another thing (package web).
package ics
