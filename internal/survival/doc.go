// SPDX-License-Identifier: AGPL-3.0-or-later

// Package survival estimates how long something takes, or how long it does not
// come: the product-limit estimate of Kaplan and Meier (J. Am. Stat. Assoc. 53,
// 1958, 457-481), with the variance of Greenwood (1926) and the interval on the
// scale log(-log S) of Kalbfleisch and Prentice (The Statistical Analysis of
// Failure Time Data, 1980), at 95 %.
//
// What is still open is censored on the right: it was waited for at least so
// long. To leave it out would tell that the authorities are quick, since what
// they never answer would not count. The estimate takes it that what is open
// does not differ from what is not: where those that wait longest were reported
// in another time than those that were answered, say so beside the curve.
//
// It must never know what is counted, a clock or a language.
package survival
