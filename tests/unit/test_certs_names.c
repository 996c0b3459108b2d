/* SPDX-License-Identifier: Apache-2.0 */
/* dind-certs: the names that a server's certificate is to have. */
#include "certs_fixture.h"

static const struct {
	const char *list;
	size_t count;
	const char *bad; /* NULL: good */
} lists[] = {
	{ "", 0, NULL },
	{ "DNS:a,IP:10.0.0.1", 2, NULL },
	{ " DNS:a , IP: ::1 ,", 2, NULL },
	{ "DNS:a,DNS:A,dns:a", 1, NULL },
	{ "*.example.com,10.0.0.1,fe80::1,DNS:a_b", 4, NULL },
	{ "URI:spiffe://x/y,email:a@b", 2, NULL },
	{ "IP:::ffff:10.0.0.1,IP:10.0.0.1", 2, NULL },
	{ "DNS:", 0, "'DNS:'" },
	{ "DNS:a,IP:10.0.0", 0, "'IP:10.0.0'" },
	{ "IP:fe80::1%eth0", 0, "'IP:fe80::1%eth0'" },
	{ "DNS:a b", 0, "'DNS:a b'" },
	{ "DNS:a..b", 0, "'DNS:a..b'" },
	{ "DNS:a,critical;x", 0, "'critical;x'" },
	{ "DNS:$(id)", 0, "'DNS:$(id)'" },
	{ "RID:1.2.3", 0, "'RID:1.2.3'" },
};

START_TEST(lists_of_names)
{
	options->asked.count = 0;
	if (lists[_i].bad) {
		ck_assert_int_eq(certs_names_parse(&options->asked, lists[_i].list, &arena, &err),
				 -EINVAL);
		ck_assert_msg(strstr(err.message, lists[_i].bad) != NULL, "%s", err.message);
		return;
	}
	names(&options->asked, lists[_i].list);
	ck_assert_uint_eq(options->asked.count, lists[_i].count);
}
END_TEST

/* What has no room is named, not left out; the last one that has is in. */
START_TEST(more_names_than_fit)
{
	struct strings list = STRINGS_INIT;

	options->asked.count = 0;
	for (int i = 0; i < CERTS_MAX_NAMES; i++)
		strings_add(&arena, &list, arena_printf(&arena, "DNS:n%d", i));
	names(&options->asked, strings_join(&arena, &list, ","));
	ck_assert_uint_eq(options->asked.count, CERTS_MAX_NAMES);
	/* nothing new */
	ck_assert_int_eq(certs_names_parse(&options->asked, "DNS:n0,DNS:N255", &arena, &err), 0);
	ck_assert_int_eq(certs_names_parse(&options->asked, "DNS:n1,DNS:last", &arena, &err),
			 -EINVAL);
	ck_assert_msg(strstr(err.message, "'DNS:last'") && strstr(err.message, "256"), "%s",
		      err.message);
}
END_TEST

static bool has(const char *text)
{
	struct certs_names *one = calloc(1, sizeof(*one));
	bool found = false;

	names(one, text);
	for (size_t i = 0; i < options->local.count; i++)
		found = found || certs_name_equal(&options->local.items[i], &one->items[0]);
	free(one);
	return found;
}

START_TEST(names_of_this_container)
{
	struct certs_sources sources = {
		.hostname_file = at("hostname"),
		.hosts_file = at("hosts"),
		.node_name = "node",
		.interfaces = true,
	};

	write_text("hostname", "pod-1\n");
	write_text("hosts", "127.0.0.1 localhost\n10.1.1.1\tother\n#10.1.1.2 no.example pod-1\n"
			    "10.1.1.2 pod-1.sub.example POD-1 # x\nfe00::0");
	options->local.count = 0;
	certs_names_local(&options->local, &sources, &arena);
	ck_assert(has("DNS:docker") && has("DNS:localhost") && has("DNS:pod-1"));
	ck_assert(has("DNS:node") && has("DNS:pod-1.sub.example") && has("IP:127.0.0.1"));
	ck_assert(!has("DNS:other") && !has("DNS:no.example"));
	options->local.count = 0;
	sources.hosts_file = sources.hostname_file = "/nonexistent";
	sources.node_name = "not a name";
	certs_names_local(&options->local, &sources, &arena);
	ck_assert(has("DNS:docker") && has("IP:127.0.0.1") && !has("DNS:pod-1"));
}
END_TEST

/* A wildcard stands for one label. */
START_TEST(wildcards)
{
	auto_x509 cert = NULL;

	names(&options->asked, "DNS:*.example.com");
	ensure();
	ck_assert_int_eq(certs_read_x509(at("server/cert.pem"), &cert), 0);
	ck_assert_ptr_null(certs_missing_name(cert, &options->asked));
	names(&options->asked, "DNS:a.example.com");
	ck_assert_ptr_null(certs_missing_name(cert, &options->asked));
	names(&options->asked, "DNS:a.b.example.com");
	ck_assert_ptr_nonnull(certs_missing_name(cert, &options->asked));
	names(&options->asked, "DNS:example.com");
	ck_assert_ptr_nonnull(certs_missing_name(cert, &options->asked));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certs_names");
	TCase *tc = tcase_create("certs_names");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, lists_of_names, 0, ARRAY_SIZE(lists));
	tcase_add_test(tc, more_names_than_fit);
	tcase_add_test(tc, names_of_this_container);
	tcase_add_test(tc, wildcards);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
