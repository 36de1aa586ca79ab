// SPDX-License-Identifier: AGPL-3.0-or-later

package receipt

// vector stands in docs/spec/receipt.md; its keys were made again with
// argon2-cffi and the HKDF of Python's cryptography.
const vector = `
abstract aspen repair anger fabric jar buckle credit
агрегат блюз сканер аэропорт куча особняк геном игрушка
адрес аурухана тәтті араздық курсант орден білім жарық
6f94e58ccdf9889cffbdf9474e4574a6
432abd8f5c6133f84f501c65e5c18361c10af2b236a167aca140f86f79371555
16be35c19a64fa7ba663969687432ed1
ec8d49bdab290954a3f25230dc824a2b4130fa5540fee03c33e8e34c0c8dac8c
`
