// SPDX-License-Identifier: AGPL-3.0-or-later

// Package estimate tells how many people were never reported to anybody, from
// who is on which list: multiple systems estimation, as capture-recapture is
// called where the animals are people.
//
// Three methods stand side by side, because they differ by design and the
// difference is what a reader must be shown:
//
//   - [LogLinear]: Poisson models of the lists and of pairs of lists, averaged by BIC
//     (Fienberg, Biometrika 59, 1972; Cormack, Biometrics 45, 1989).
//   - [Graphs]: an exact average over all decomposable graphs on the lists
//     (Madigan and York, Biometrika 84, 1997).
//   - [Latent]: a Bayesian latent-class model, drawn by Markov chains
//     (Manrique-Vallier, Biometrics 72, 2016).
//
// All of them take it that the population is closed, that every match of two
// lists is right, that each person could be on each list, and that what is not
// told by the lists behaves like what is. No table can test that. A figure from
// here is an estimate: it is never added to, or shown as, what was reported.
//
// It must never answer without saying what it rests on, never answer where no
// honest answer exists ([RefusedError]), never know a case or a clock, and never
// draw a number that its seed does not tell.
package estimate
