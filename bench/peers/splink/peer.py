# SPDX-License-Identifier: AGPL-3.0-or-later
"""Splink on a file, with what its documentation recommends.

Called by bench/peers/splink: peer.py WHAT OUT FILE...
Prints nothing; writes OUT.json, OUT.pairs.csv and OUT.THRESHOLD.csv.
"""

import json
import logging
import resource
import sys
import time

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.getLogger("splink").setLevel(logging.ERROR)
started = time.perf_counter()
what, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]


def tf(comparison):
    return comparison.configure(term_frequency_adjustments=True)


connection = duckdb.connect()
api = DuckDBAPI(connection)


def table(name, query):
    connection.execute(f"create table {name} as {query}").fetchall()
    return api.register(name, dataset_display_name=name)


if what == "people":
    source = f"read_csv('{files[0]}', header=true, all_varchar=true)"
    tables = [table("people", f"""
        select id as unique_id, family, given, patronymic, sex, birth, substr(birth, 1, 4) as birth_year, region, town, phone
        from {source}""")]
    link_type = "dedupe_only"
    comparisons = [
        tf(cl.NameComparison("family")),
        tf(cl.NameComparison("given")),
        tf(cl.NameComparison("patronymic")),
        cl.ExactMatch("sex"),
        cl.DateOfBirthComparison("birth", input_is_string=True, datetime_format="%Y-%m-%d"),
        tf(cl.ExactMatch("region")),
        tf(cl.ExactMatch("town")),
        cl.DamerauLevenshteinAtThresholds("phone", 1),
    ]
    rules = [
        block_on("family", "given"),
        block_on("given", "birth"),
        block_on("family", "birth"),
        block_on("phone"),
        block_on("family", "birth_year"),
        block_on("given", "birth_year", "town"),
    ]
    certain = [block_on("family", "given", "birth"), block_on("phone")]
    training = [block_on("family", "given"), block_on("birth")]
elif what == "rldata500":
    source = f"read_csv('{files[0]}', header=true, all_varchar=true)"
    tables = [table("people", f"""
        select id as unique_id, fname_c1, fname_c2, lname_c1, lname_c2, birth, "by" as birth_year,
        substr(fname_c1, 1, 3) as fname3, substr(lname_c1, 1, 3) as lname3 from {source}""")]
    link_type = "dedupe_only"
    comparisons = [
        tf(cl.NameComparison("fname_c1")),
        cl.NameComparison("fname_c2"),
        tf(cl.NameComparison("lname_c1")),
        cl.NameComparison("lname_c2"),
        cl.DateOfBirthComparison("birth", input_is_string=True, datetime_format="%Y-%m-%d"),
    ]
    rules = [block_on("birth"), block_on("fname_c1", "lname_c1"), block_on("birth_year", "lname3"), block_on("birth_year", "fname3"), block_on("lname_c1"), block_on("fname_c1")]
    certain = [block_on("fname_c1", "lname_c1", "birth_year"), block_on("birth", "lname_c1")]
    training = [block_on("fname_c1", "lname_c1"), block_on("birth")]
else:  # febrl3, febrl4
    tables = []
    for n, f in enumerate(files):
        source = f"read_csv('{f}', header=true, all_varchar=true)"
        tables.append(table(f"people{n}", f"""
            select rec_id as unique_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, soc_sec_id,
            nullif(substr(date_of_birth, 1, 4) || '-' || substr(date_of_birth, 5, 2) || '-' || substr(date_of_birth, 7, 2), '--') as birth,
            substr(date_of_birth, 1, 4) as birth_year, substr(given_name, 1, 3) as given3, substr(surname, 1, 3) as surname3 from {source}"""))
    link_type = "link_only" if len(files) > 1 else "dedupe_only"
    comparisons = [
        tf(cl.NameComparison("given_name")),
        tf(cl.NameComparison("surname")),
        cl.ExactMatch("street_number"),
        cl.JaroWinklerAtThresholds("address_1", [0.92, 0.88, 0.7]),
        cl.JaroWinklerAtThresholds("address_2", [0.92, 0.88, 0.7]),
        tf(cl.JaroWinklerAtThresholds("suburb", [0.92, 0.88, 0.7])),
        tf(cl.DamerauLevenshteinAtThresholds("postcode", [1, 2])),
        cl.ExactMatch("state"),
        cl.DateOfBirthComparison("birth", input_is_string=True, datetime_format="%Y-%m-%d", invalid_dates_as_null=False),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
    ]
    rules = [
        block_on("soc_sec_id"), block_on("birth"), block_on("given3", "surname3"), block_on("postcode", "street_number"),
        block_on("address_1", "street_number"), block_on("surname3", "postcode"), block_on("given3", "birth_year"),
    ]
    certain = [block_on("given_name", "surname", "birth"), block_on("soc_sec_id")]
    training = [block_on("birth"), block_on("postcode", "street_number"), block_on("soc_sec_id")]

settings = SettingsCreator(
    link_type=link_type,
    comparisons=comparisons,
    blocking_rules_to_generate_predictions=rules,
    retain_matching_columns=False,
)
linker = Linker(tables if len(tables) > 1 else tables[0], settings, log_level=logging.ERROR)
linker.training.estimate_probability_two_random_records_match(certain, recall=0.7)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6 if what == "people" else 1e7, seed=1)
for rule in training:
    linker.training.estimate_parameters_using_expectation_maximisation(rule)
pairs = linker.inference.predict(threshold_match_probability=0.2)
best = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=0.95)
connection.execute(f"copy (select unique_id_l, unique_id_r, match_probability from {pairs.physical_name}) to '{out}.pairs.csv' (header)").fetchall()
connection.execute(f"copy (select unique_id as id, cluster_id as cluster from {best.physical_name}) to '{out}.0.95.csv' (header)").fetchall()
seconds = time.perf_counter() - started
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

# What follows is not counted: other thresholds, of which the one counts that suits Splink best.
for threshold in (0.5, 0.9, 0.99):
    c = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=threshold)
    connection.execute(f"copy (select unique_id as id, cluster_id as cluster from {c.physical_name}) to '{out}.{threshold}.csv' (header)").fetchall()
blocked = connection.execute(f"select count(*) from {linker.inference.compute_blocked_pairs_for_predict().physical_name}").fetchall()[0][0]
with open(out + ".json", "w") as f:
    json.dump({"seconds": seconds, "kilobytes": most, "pairs": int(blocked)}, f)
