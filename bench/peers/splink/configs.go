// SPDX-License-Identifier: AGPL-3.0-or-later

package main

// The configurations of kua link. The rules of people are those that Splink is
// given; for the public sets kua finds its own.
var configs = map[string]string{
	"people": `id: id
fields:
  - {id: name, compare: person, from: [family, given, patronymic]}
  - {id: sex, compare: exact}
  - {id: birth, compare: birth}
  - {id: region, compare: exact}
  - {id: town, compare: exact}
  - {id: phone, compare: identifier}
blocks:
  - {id: names, keys: [{field: name, as: names}], split: [{field: birth, as: year}, {field: town}]}
  - {id: given name and birth, keys: [{field: name, as: given}, {field: birth}]}
  - {id: family name and birth, keys: [{field: name, as: family}, {field: birth}]}
  - {id: phone, keys: [{field: phone}]}
  - {id: family name and year, keys: [{field: name, as: family}, {field: birth, as: year}], split: [{field: town}]}
  - {id: "given name, year, town", keys: [{field: name, as: given}, {field: birth, as: year}, {field: town}]}
`,
	"rldata500": `id: id
accept: 0.5
fields:
  - {id: fname_c1, compare: text}
  - {id: fname_c2, compare: text}
  - {id: lname_c1, compare: text}
  - {id: lname_c2, compare: text}
  - {id: birth, compare: birth}
`,
	"febrl3": febrl,
	"febrl4": febrl + "across_only: true\none_per_list: true\n",
}

const febrl = `id: rec_id
accept: 0.5
fields:
  - {id: given_name, compare: text}
  - {id: surname, compare: text}
  - {id: street_number, compare: exact}
  - {id: address_1, compare: text}
  - {id: address_2, compare: text}
  - {id: suburb, compare: text}
  - {id: postcode, compare: text}
  - {id: state, compare: exact}
  - {id: date_of_birth, compare: birth}
  - {id: soc_sec_id, compare: identifier}
`
