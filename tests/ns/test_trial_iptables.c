/* SPDX-License-Identifier: Apache-2.0 */
/* Which back end takes an engine's rules, by programs that fail as real ones were seen to fail. The
 * real ones are in tests/engine/network.bats. */
#include "trial_fixture.h"

static const char *stub(const char *name, const char *script)
{
	const char *path = in_base(name);
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(fprintf(file, "#!/bin/sh\n%s\n", script), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	return path;
}

/* What people reported, and what is to be read in the end. */
static const struct {
	const char *script, *said;
} broken[] = {
	{ "echo 'iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: "
	  "Invalid argument' >&2; echo >&2; exit 4",
	  "Could not fetch rule set generation id: Invalid argument" },
	{ "echo 'iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: "
	  "Permission denied (you must be root)' >&2; exit 4",
	  "Permission denied (you must be root)" },
	{ "echo 'iptables/1.8.10 Failed to initialize nft: Protocol not supported' >&2; exit 1",
	  "Failed to initialize nft: Protocol not supported" },
	{ "printf 'iptables-restore v1.8.9 (nf_tables): \\nline 2: CHAIN_ADD failed (No such file "
	  "or directory): chain PREROUTING\\n' >&2; exit 4",
	  "CHAIN_ADD failed (No such file or directory): chain PREROUTING" },
	{ "printf 'iptables-restore v1.8.9 (nf_tables): \\nline 3: RULE_APPEND failed (No such "
	  "file or directory): rule in chain PREROUTING\\n' >&2; exit 4",
	  "RULE_APPEND failed (No such file or directory)" },
	{ "printf 'iptables-restore v1.8.9 (nf_tables): \\nline 1: TABLE_ADD failed (Not "
	  "supported): table nat\\n' >&2; exit 4",
	  "TABLE_ADD failed (Not supported): table nat" },
	{ "printf \"modprobe: can't change directory to '/lib/modules': No such file or "
	  "directory\\niptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize "
	  "table 'nat'\\n\\nError occurred at line: 1\\nTry \\`iptables-restore -h' or "
	  "'iptables-restore --help' for more information.\\n\" >&2; exit 2",
	  "unable to initialize table 'nat'" },
	{ "kill -SEGV $$", "" },
};

START_TEST(back_end_that_fails)
{
	const struct facts_trial *trial;

	(void) stub("iptables-restore", broken[_i].script);
	trial = try(TRIAL_IPTABLES, in_base("iptables"), 10 * SECONDS);
	expect(trial, TRI_NO, 0);
	ck_assert_ptr_nonnull(strstr(trial->result.evidence, "/iptables-restore"));
	if (*broken[_i].said) {
		ck_assert_ptr_nonnull(trial->detail);
		ck_assert_msg(strstr(trial->detail, broken[_i].said) != NULL, "%s", trial->detail);
		ck_assert_ptr_null(strchr(trial->detail, '\n'));
		ck_assert_ptr_null(strstr(trial->detail, "Try `"));
	}
}
END_TEST

/* One family of addresses or one table of a back end that has all else. */
static const struct {
	const char *program, *script, *said;
	enum tri ipv4, no_raw, ipv6;
} partial[] = {
	{ "iptables-restore",
	  "grep -q '^.raw$' || exit 0\n"
	  "printf \"iptables-restore v1.8.7 (legacy): iptables-restore: unable to initialize table "
	  "'raw'\\n\\nError occurred at line: 24\\n\" >&2; exit 2",
	  "unable to initialize table 'raw'", TRI_NO, TRI_YES, TRI_YES },
	{ "iptables-restore",
	  "grep -q '^.raw$' || exit 0\n"
	  "printf 'iptables-restore v1.8.9 (nf_tables): \\nline 24: TABLE_ADD failed (Operation "
	  "not "
	  "supported): table raw\\n' >&2; exit 4",
	  "TABLE_ADD failed (Operation not supported): table raw", TRI_NO, TRI_YES, TRI_YES },
	{ "ip6tables-restore",
	  "printf \"modprobe: can't change directory to '/lib/modules': No such file or "
	  "directory\\nip6tables-restore v1.8.10 (legacy): ip6tables-restore: unable to initialize "
	  "table 'nat'\\n\\nError occurred at line: 1\\n\" >&2; exit 2",
	  "unable to initialize table 'nat'", TRI_YES, TRI_YES, TRI_NO },
	{ "ip6tables-restore",
	  "printf 'ip6tables-restore v1.8.9 (nf_tables): \\nline 2: CHAIN_ADD failed (No such file "
	  "or "
	  "directory): chain PREROUTING\\n' >&2; exit 4",
	  "CHAIN_ADD failed (No such file or directory): chain PREROUTING", TRI_YES, TRI_YES,
	  TRI_NO },
};

START_TEST(back_end_that_lacks_a_part)
{
	const enum trial_kind kinds[] = { TRIAL_IPTABLES, TRIAL_IPTABLES_NO_RAW, TRIAL_IP6TABLES };
	const enum tri wanted[] = { partial[_i].ipv4, partial[_i].no_raw, partial[_i].ipv6 };

	(void) stub("iptables-restore", "exit 0");
	(void) stub("ip6tables-restore", "exit 0");
	(void) stub(partial[_i].program, partial[_i].script);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct facts_trial *trial = try(kinds[i], in_base("iptables"), 10 * SECONDS);

		expect(trial, wanted[i], 0);
		if (wanted[i] == TRI_YES)
			continue;
		ck_assert_ptr_nonnull(trial->detail);
		ck_assert_msg(strstr(trial->detail, partial[_i].said) != NULL, "%s", trial->detail);
		ck_assert_ptr_nonnull(strstr(trial->result.evidence, partial[_i].program));
		ck_assert_ptr_null(strstr(trial->detail, "Error occurred"));
	}
}
END_TEST

START_TEST(back_end_that_hangs)
{
	int64_t start = clock_now_ms();

	(void) stub("iptables-restore", "sleep 60");
	expect(try(TRIAL_IPTABLES, in_base("iptables"), 300), TRI_UNKNOWN, ETIMEDOUT);
	ck_assert_int_lt(elapsed_ms(start), 5 * SECONDS);
}
END_TEST

START_TEST(back_end_that_is_not_there)
{
	expect(try(TRIAL_IPTABLES, in_base("iptables"), SECONDS), TRI_UNKNOWN, ENOENT);
}
END_TEST

/* The rules reach the program that belongs to the name, in a namespace with nothing but lo. */
static const struct {
	enum trial_kind kind;
	const char *iptables, *program, *has, *lacks;
} calls[] = {
	{ TRIAL_IPTABLES, "iptables", "iptables-restore", "*raw", "::1/128" },
	{ TRIAL_IPTABLES_NO_RAW, "iptables-legacy", "iptables-legacy-restore", "MASQUERADE",
	  "*raw" },
	{ TRIAL_IP6TABLES, "iptables-nft", "ip6tables-nft-restore", "::1/128", "127.0.0.0" },
	{ TRIAL_IP6TABLES, "iptables", "ip6tables-restore", "--ctstate RELATED,ESTABLISHED",
	  "172." },
};

START_TEST(rules_are_those_of_an_engine)
{
	char text[4096];
	ssize_t n;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	(void) stub(calls[_i].program, arena_printf(&arena,
						    "{ cat; cat /proc/self/net/dev; } > "
						    "%s/seen",
						    base));
	expect(try(calls[_i].kind, in_base(calls[_i].iptables), 10 * SECONDS), TRI_YES, 0);
	n = file_read_at(AT_FDCWD, in_base("seen"), text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_msg(strstr(text, calls[_i].has) != NULL, "%s", text);
	ck_assert_msg(strstr(text, calls[_i].lacks) == NULL, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "--dst-type LOCAL -j DOCKER"));
	ck_assert_ptr_nonnull(strstr(text, "lo:"));
}
END_TEST

/* At the same time: each waits for the other, so that one after the other would not end well. */
START_TEST(trials_beside_each_other)
{
	const char *iptables = arena_strdup(&arena, in_base("a/iptables"));
	const struct trial_request requests[] = {
		{ TRIAL_IPTABLES, iptables },
		{ TRIAL_OVERLAY, arena_strdup(&arena, in_base("dir")) },
		{ TRIAL_IP6TABLES, iptables },
	};

	ck_assert_int_eq(mkdir(in_base("a"), 0755), 0);
	ck_assert_int_eq(mkfifo(arena_printf(&arena, "%s/there", base), 0600), 0);
	ck_assert_int_eq(mkfifo(arena_printf(&arena, "%s/back", base), 0600), 0);
	(void) stub("a/iptables-restore",
		    arena_printf(&arena, "echo > %s/there; cat %s/back", base, base));
	(void) stub("a/ip6tables-restore",
		    arena_printf(&arena, "cat %s/there; echo > %s/back", base, base));
	ck_assert_int_eq(
		trial_run_all(requests, ARRAY_SIZE(requests), 10 * SECONDS, &arena, &facts, &err),
		0);
	ck_assert_uint_eq(facts.n_trials, ARRAY_SIZE(requests));
	ck_assert_int_eq(facts_find_trial(&facts, TRIAL_IPTABLES, requests[0].path)->result.value,
			 TRI_YES);
	ck_assert_int_eq(facts_find_trial(&facts, TRIAL_IP6TABLES, requests[2].path)->result.value,
			 TRI_YES);
	ck_assert_int_ne(facts_find_trial(&facts, TRIAL_OVERLAY, requests[1].path)->result.value,
			 TRI_UNKNOWN);
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("iptables");

	tcase_add_loop_test(tcase, back_end_that_fails, 0, ARRAY_SIZE(broken));
	tcase_add_loop_test(tcase, back_end_that_lacks_a_part, 0, ARRAY_SIZE(partial));
	tcase_add_test(tcase, back_end_that_hangs);
	tcase_add_test(tcase, back_end_that_is_not_there);
	tcase_add_loop_test(tcase, rules_are_those_of_an_engine, 0, ARRAY_SIZE(calls));
	tcase_add_test(tcase, trials_beside_each_other);
	return tcase;
}

int main(void)
{
	TCase *all[] = { cases() };

	return run_cases(all, ARRAY_SIZE(all));
}
