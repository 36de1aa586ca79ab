// SPDX-License-Identifier: AGPL-3.0-or-later

// Package invented makes up registers of any size with the shape of real ones:
// people, what was done to them, and what followed, as the members of a
// coalition write it down over months.
//
// Nobody in it exists; a likeness to anyone is chance. The names are put
// together from lists of common name parts, the stories from sentences, days
// and places by chance. The shares (who complained, what was registered,
// examined, closed, tried) are those of the public statement of 24 June 2022 on
// January 2022, rounded; what it does not say is a guess.
//
// Case n of a register is the same whenever it is asked for, and can be made
// without the n-1 before it: so a million cases need no memory, and many
// processors can make them at once. The same seed gives the same register.
//
// It must never be given anything about a real person, and never draw anything
// that is to be secret: its chance is no secret to who knows the seed.
package invented
