/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Query strings: what is decoded, what is refused and how, and pages.
 */

#include "shape_kit.h"


typedef struct {
    pando_given_t  given;
    const char    *q;
    int64_t        floor;
    double         near;
    bool           open;
    pando_uuid_t   owner;
    pando_time_t   since;
    const char    *day;
    const char    *rate;
    int            state;
    const char    *slug;
    pando_list_t   tags;
    pando_list_t   floors;
    pando_list_t   states;
} filter_t;

static void
check(const void *row, pando_faults_t *f)
{
    const filter_t  *in = row;

    if (in->floor == 13) {
        pando_object_to(f, "?floor", "unlucky", "must not be 13");
    }
}

static const pando_field_t  filter_fields[] = {
    PANDO_FIELD(filter_t, TEXT, q, .max = 10),
    PANDO_FIELD(filter_t, INT, floor, .min = -5, .max = 99,
                .otherwise = "4"),
    PANDO_FIELD(filter_t, NUMBER, near, .min = 0, .max = 1),
    PANDO_FIELD(filter_t, BOOL, open),
    PANDO_FIELD(filter_t, UUID, owner),
    PANDO_FIELD(filter_t, TIME, since),
    PANDO_FIELD(filter_t, DATE, day),
    PANDO_FIELD(filter_t, DECIMAL, rate),
    PANDO_FIELD(filter_t, ENUM, state, .among = order_states),
    PANDO_FIELD(filter_t, TEXT, slug, .required = true, .pattern = "slug"),
    PANDO_FIELD(filter_t, LIST, tags, .item = PANDO_IS_TEXT, .max = 4),
    PANDO_FIELD(filter_t, LIST, floors, .item = PANDO_IS_INT),
    PANDO_FIELD(filter_t, LIST, states, .item = PANDO_IS_ENUM,
                .among = order_states),
    PANDO_END
};

static const pando_shape_t  filter_shape = {
    .name = "Filter", .size = sizeof(filter_t), .fields = filter_fields,
    .given = true, .check = check
};


static const struct {
    const char  *args;
    const char  *want;
} cases[] = {
    { "", "422 ?slug missing" },
    { "slug=s", "0" },
    { "slug=s&", "0" },
    { "&&slug=s&&", "0" },
    { "slug=", "422 ?slug bad_format" },
    { "slug", "422 ?slug bad_format" },
    { "=x&slug=s", "422 ? unknown_member" },
    { "slug=s&nope=1&a%2Fb=2", "422 ?nope unknown_member,"
      " ?a/b unknown_member" },
    { "slug=s&slug=s", "422 ?slug too_many" },
    { "slug=s&q=12345678901", "422 ?q too_long" },
    { "slug=s&q=a%0ab", "0" },
    { "slug=s&q=a%0db", "422 ?q bad_format" },
    { "slug=s&floor=99", "0" },
    { "slug=s&floor=100", "422 ?floor too_large" },
    { "slug=s&floor=-6", "422 ?floor too_small" },
    { "slug=s&floor=13", "422 ?floor unlucky" },
    { "slug=s&floor=1.0", "422 ?floor wrong_type" },
    { "slug=s&floor=%2B1", "422 ?floor wrong_type" },
    { "slug=s&floor=", "422 ?floor wrong_type" },
    { "slug=s&floor=-", "422 ?floor wrong_type" },
    { "slug=s&floor=9223372036854775808", "422 ?floor wrong_type" },
    { "slug=s&near=0.5", "0" },
    { "slug=s&near=1", "0" },
    { "slug=s&near=1.1", "422 ?near too_large" },
    { "slug=s&near=nan", "422 ?near wrong_type" },
    { "slug=s&near=0x1", "422 ?near wrong_type" },
    { "slug=s&near=1e999", "422 ?near wrong_type" },
    { "slug=s&near=%221%22", "422 ?near wrong_type" },
    { "slug=s&open=true", "0" },
    { "slug=s&open=1", "422 ?open wrong_type" },
    { "slug=s&owner=018f0000-0000-7000-8000-000000000001", "0" },
    { "slug=s&owner=x", "422 ?owner bad_format" },
    { "slug=s&since=2026-11-21T10:40:26%2B01:00", "0" },
    { "slug=s&since=2026-11-21T10:40:26+01:00", "422 ?since bad_format" },
    { "slug=s&day=2026-02-30", "422 ?day bad_format" },
    { "slug=s&rate=1.50", "0" },
    { "slug=s&rate=1.5.0", "422 ?rate bad_format" },
    { "slug=s&state=paid", "0" },
    { "slug=s&state=Paid", "422 ?state not_one_of" },
    { "slug=s&tags=a,b&tags=c&tags=d", "0" },
    { "slug=s&tags=a,b&tags=c,d&tags=e", "422 ?tags too_many" },
    { "slug=s&floors=1,x,100", "422 ?floors wrong_type" },
    { "slug=s&floors=1,,2", "422 ?floors wrong_type" },
    { "slug=s&states=open,gone", "422 ?states not_one_of" },
    { "slug=s&limit=5", "422 ?limit unknown_member" },
    { "slug=%", "400 bad_escape" },
    { "slug=%4", "400 bad_escape" },
    { "slug=%4g", "400 bad_escape" },
    { "%zz=1", "400 bad_escape" },
    { "slug=%00", "400 bad_utf8" },
    { "slug=%ff", "400 bad_utf8" },
    { "slug=%c3%a", "400 bad_escape" },
    { "%c3=1", "400 bad_utf8" }
};


static void
table(void)
{
    int             status;
    void           *row;
    size_t          i;
    char           *args;
    pando_faults_t  f;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* Not one byte behind it is ours. */
        args = malloc(strlen(cases[i].args) + 1);
        memcpy(args, cases[i].args, strlen(cases[i].args));

        pando_faults_init(&f, &mem);
        status = pando_query_parse(&filter_shape, args,
                                   strlen(cases[i].args), &mem, &row, NULL,
                                   &f);
        is_text(outcome(status, &f), cases[i].want, cases[i].args);
        free(args);
        arena_reset();
    }
}


static void
values(void)
{
    void            *row;
    filter_t        *in;
    pando_faults_t   f;

    static const char  args[] = "q=a+b%20c%2B&slug=s&open=false&near=0.25"
        "&tags=x,y%2Cz&tags=&tags=%C3%A4&floors=3,-4&states=done,open";

    pando_faults_init(&f, &mem);
    ok(pando_query_parse(&filter_shape, args, strlen(args), &mem, &row, NULL,
                         &f) == 0, "a query with much in it");
    in = row;

    is_text(in->q, "a b c+", "decoded, + is a space");
    ok(in->floor == 4 && !PANDO_GIVEN(&filter_shape, in, floor),
       "an absent one has its default");
    ok(!in->open && PANDO_GIVEN(&filter_shape, in, open), "a flag");
    ok(in->near == 0.25, "a number");
    ok(in->tags.n == 3, "a list, repeated and by commas");
    is_text(((const char **) in->tags.items)[1], "y,z",
            "%2C is a comma inside of an item");
    is_text(((const char **) in->tags.items)[2], "\xc3\xa4", "UTF-8");
    ok(in->floors.n == 2 && ((int64_t *) in->floors.items)[1] == -4,
       "a list of integers");
    ok(in->states.n == 2 && ((int *) in->states.items)[0] == 2
       && ((int *) in->states.items)[1] == 0, "a list of enums");
    arena_reset();
}


static void
pages(void)
{
    int                 status;
    size_t              i;
    pando_faults_t      f;
    pando_page_args_t   page;

    static const pando_sort_t   sorts[] = {
        { .sort = "-created_at" }, { .sort = "name" }
    };
    static const pando_pages_t  kept = { "orders", 2, sorts };

    static const struct { const char *args, *want; }  p[] = {
        { "limit=0", "422 ?limit too_small" },
        { "limit=201", "422 ?limit too_large" },
        { "limit=x", "422 ?limit wrong_type" },
        { "limit=1&limit=2", "422 ?limit too_many" },
        { "cursor=", "422 ?cursor bad_format" },
        { "cursor=a%20b", "422 ?cursor bad_format" },
        { "sort=size", "422 ?sort not_one_of" },
        { "sort=", "422 ?sort not_one_of" },
        { "offset=5", "422 ?offset unknown_member" },
        { "limit=200&cursor=aB-_9", "0" }
    };

    for (i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
        pando_faults_init(&f, &mem);
        page.pages = &kept;
        status = pando_query_parse(NULL, p[i].args, strlen(p[i].args), &mem,
                                   NULL, &page, &f);
        is_text(outcome(status, &f), p[i].want, p[i].args);
    }

    ok(page.limit == 200 && strcmp(page.cursor, "aB-_9") == 0
       && page.sort == NULL && page.by == &sorts[0],
       "the first order is the default");

    pando_faults_init(&f, &mem);
    ok(pando_query_parse(NULL, "sort=name", 9, &mem, NULL, &page, &f) == 0
       && page.by == &sorts[1] && strcmp(page.sort, "name") == 0
       && page.limit == 50 && page.cursor == NULL,
       "another one is found; the limit is 50");

    page.pages = NULL;
    status = pando_query_parse(NULL, "sort=name", 9, &mem, NULL, &page, &f);
    is_text(outcome(status, &f), "422 ?sort unknown_member",
            "where there is one order only, nobody chooses");

    pando_faults_init(&f, &mem);
    status = pando_query_parse(NULL, "a=1", 3, &mem, NULL, NULL, &f);
    is_text(outcome(status, &f), "422 ?a unknown_member",
            "without shape and page nothing is known");
    arena_reset();
}


/* Random bytes out of those that matter: nothing is read beyond the end. */

static void
random_bytes(void)
{
    int             status;
    bool            sane = true;
    char           *args;
    void           *row;
    size_t          i, k, len;
    pando_faults_t  f;

    static const char  alphabet[] = "&&==%%,,+slugtagsfloor0123456789abc\xc3";

    for (i = 0; i < 50000; i++) {
        len = chance() % 40;
        args = malloc(len + 1);

        for (k = 0; k < len; k++) {
            args[k] = alphabet[chance() % (sizeof(alphabet) - 1)];
        }

        pando_faults_init(&f, &mem);
        status = pando_query_parse(&filter_shape, args, len, &mem, &row,
                                   NULL, &f);
        sane = sane && (status == 0) == (f.n == 0)
               && (status == 0 || status == 400 || status == 422);
        free(args);
        arena_reset();
    }

    ok(sane, "fifty thousand random queries are taken or refused");
}


static void
too_many(void)
{
    char            args[1024] = "";
    void           *row;
    int             i, status;
    pando_faults_t  f;

    for (i = 0; i < 101; i++) {
        strcat(args, "a=1&");
    }

    pando_faults_init(&f, &mem);
    status = pando_query_parse(&filter_shape, args, strlen(args), &mem, &row,
                               NULL, &f);
    is_text(outcome(status, &f), "400 too_many_values",
            "more than a hundred parameters");
    arena_reset();
}


int
main(void)
{
    table();
    values();
    pages();
    random_bytes();
    too_many();

    return done();
}
