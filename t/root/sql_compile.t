# The SQL compiler: what it refuses, each with file, line and a sentence, and
# what it makes of the rest, which both compilers take without a warning.

use Pando alone => 1;

use File::Temp qw(tempdir);

my $SQL = "$Pando::ROOT/sql";
my $CC = "-std=gnu11 -Wall -Wextra -Werror -fsyntax-only"
    . " -I$Pando::ROOT/lua-free-handlers";
my $dir = tempdir(CLEANUP => 1);
my $out = "$dir/out";

mkdir $_ for $out, map { "$dir/$_" } qw(pando shop);

put('pando/001_root.sql', <<'END');
CREATE TABLE pando.outbox (seq bigint, tenant_id uuid);
CREATE FUNCTION pando.f() RETURNS int LANGUAGE sql
AS $x$ CREATE TABLE shop.ghosts (tenant_id uuid); $x$;
END

put('shop/001_shop.sql', <<'END');
CREATE SCHEMA shop;
CREATE TABLE shop.items (id uuid, tenant_id uuid, name text, at timestamptz);
CREATE TABLE IF NOT EXISTS shop.parts PARTITION OF shop.items DEFAULT;
CREATE UNLOGGED TABLE shop.copies (LIKE shop.items);
CREATE VIEW shop.names AS SELECT id, name FROM shop.items;
-- small: a fixed list
-- of countries
CREATE TABLE shop.countries (code text PRIMARY KEY /* ; /* ' */ */, at date);
CREATE TABLE shop.old (id uuid);
ALTER TABLE shop.old RENAME TO fresh;
CREATE TABLE shop.late (id uuid);
ALTER TABLE shop.late ADD COLUMN tenant_id uuid;
CREATE TABLE shop.dropped (id uuid);
DROP TABLE shop.dropped;
END

put('shop/demo.sql', "INSERT INTO shop.items VALUES ('not a query');\n");


# Refusals: [ what, the file, line, the sentence ]

my $T = 'WHERE tenant_id = :tenant';

my @refused = (
    [ 'an opening without an arrow', "-- name: get(id uuid)\nSELECT 1;\n",
      1, qr/a query opens with/ ],
    [ 'an unknown result', "-- name: get() -> tree\nSELECT 1;\n",
      1, qr/-> tree: there is no such result/ ],
    [ 'rows that may be missing', "-- name: get() -> rows?\nSELECT 1;\n",
      1, qr/-> rows has no \?/ ],
    [ 'a struct for a value', "-- name: get() -> int thing\nSELECT 1;\n",
      1, qr/-> int has no struct/ ],
    [ 'a result that cannot be read back', "-- name: get() -> bytea\nSELECT 1;\n",
      1, qr/-> bytea: there is no such result/ ],
    [ 'an argument without a type', "\n-- name: get(id) -> int\nSELECT :id;\n",
      2, qr/"id" is not written as: name type/ ],
    [ 'an unknown type', "-- name: get(id serial) -> int\nSELECT :id;\n",
      1, qr/the type serial of id is not known/ ],
    [ 'money as an argument', "-- name: get(a money) -> int\nSELECT :a;\n",
      1, qr/a: a money cannot be an argument/ ],
    [ 'an argument named twice',
      "-- name: get(a int, a int) -> int\nSELECT :a;\n",
      1, qr/a is named twice/ ],
    [ 'a name that C keeps', "-- name: get(int int) -> int\nSELECT :int;\n",
      1, qr/int is a word of C/ ],
    [ 'a name that the function keeps',
      "-- name: get(row int) -> int\nSELECT :row;\n",
      1, qr/row is a word of C or of the generated function/ ],
    [ 'the tenant as an argument',
      "-- name: get(tenant uuid) -> int\nSELECT 1;\n",
      1, qr/tenant is bound by the runtime/ ],
    [ 'an unknown parameter', "-- name: get() -> int\nSELECT 1,\n  :id;\n",
      3, qr/:id is not an argument of get/ ],
    [ 'an unused parameter', "-- name: get(id uuid) -> int\nSELECT 1;\n",
      1, qr/the argument id is not used/ ],
    [ 'a parameter only in a comment',
      "-- name: get(id uuid) -> int\nSELECT 1 -- :id\n /* :id */;\n",
      1, qr/the argument id is not used/ ],
    [ 'a numbered parameter', "-- name: get() -> int\nSELECT \$1;\n",
      2, qr/parameters are named/ ],
    [ 'a parameter in a string',
      "-- name: get(q text) -> int\nSELECT :q,\n 'a :q b';\n",
      3, qr/:q stands inside quotes/ ],
    [ 'a parameter in a name',
      "-- name: get(q text) -> int\nSELECT :q, \":q\";\n",
      2, qr/:q stands inside quotes/ ],
    [ 'a parameter between dollars',
      "-- name: get(q text) -> int\nSELECT :q, \$a\$ :q \$a\$;\n",
      2, qr/:q stands inside quotes/ ],
    [ 'the tenant in a string',
      "-- name: get() -> int\nSELECT ':tenant';\n",
      2, qr/:tenant stands inside quotes/ ],
    [ 'a pattern glued together',
      "-- name: get(q text) -> int\nSELECT 'a' LIKE '%' || :q || '%';\n",
      2, qr/wrap it as pando\.like\(:q\)/ ],
    [ 'a text run as SQL',
      "-- name: get(q text) -> text\nSELECT query_to_xml(:q, true, true, '');\n",
      2, qr/query_to_xml runs a text as SQL/ ],
    [ 'two statements', "-- name: get() -> int\nSELECT 1;\nSELECT 2;\n",
      2, qr/there is a semicolon in it/ ],
    [ 'no statement', "-- name: get() -> int\n\n-- nothing\n",
      1, qr/get has no statement/ ],
    [ 'a statement of another kind',
      "-- name: get() -> none\nTRUNCATE shop.countries;\n",
      1, qr/a query begins with/ ],
    [ 'a statement before the first name', "SELECT 1;\n",
      1, qr/stands before the first/ ],
    [ 'an open quote', "-- name: get() -> text\nSELECT\n 'a;\n",
      3, qr/opened here and not closed/ ],
    [ 'an open comment', "-- name: get() -> text\nSELECT /* /* */ 1;\n",
      2, qr/opened here and not closed/ ],
    [ 'a name used twice',
      "-- name: get() -> int\nSELECT 1;\n-- name: get() -> int\nSELECT 1;\n",
      3, qr{get is also at sql/shop/q\.sql:1} ],
    [ 'a row that nothing types', "-- name: get() -> row? thing\nSELECT 1;\n",
      1, qr/thing_t is not typed/ ],
    [ 'a row typed for a value',
      "-- name: get() -> int\n-- row: a int\nSELECT 1;\n",
      1, qr/gives no struct/ ],
    [ 'one struct typed in two ways',
      "-- name: a() -> row thing\n-- row: a int\nSELECT 1;\n"
      . "-- name: b() -> rows thing\n-- row: a int?\nSELECT 1;\n",
      4, qr{thing_t is typed otherwise at sql/shop/q\.sql:1} ],
    [ 'a member that cannot be read back',
      "-- name: a() -> row thing\n-- row: a int,\n-- row: b text[]\nSELECT 1;\n",
      3, qr/b: a text\[\] cannot be read back/ ],
    [ 'an unknown mark', "-- name: a() -> int\n-- lanes: slow\nSELECT 1;\n",
      2, qr/"-- lanes:" is not a mark/ ],
    [ 'a mark behind its statement',
      "-- name: a() -> int\nSELECT 1;\n-- lane: slow\n",
      3, qr/"-- lane:" stands between/ ],
    [ 'a mark before its name', "-- lane: slow\n-- name: a() -> int\nSELECT 1;\n",
      1, qr/"-- lane:" stands between/ ],
    [ 'an unknown lane', "-- name: a() -> int\n-- lane: fast\nSELECT 1;\n",
      2, qr/a lane is reads, writes or slow/ ],
    [ 'a write by the lane of reads',
      "-- name: a() -> none\n-- lane: reads\nDELETE FROM shop.items $T;\n",
      1, qr/a writes and cannot go by the lane reads/ ],
    [ 'a lock by the lane of reads', "-- name: a() -> int\n-- lane: reads\n"
      . "SELECT 1 FROM shop.items $T FOR NO KEY UPDATE;\n",
      1, qr/a writes and cannot go by the lane reads/ ],

    [ 'a tenant\'s table without its tenant',
      "-- name: a() -> int\nSELECT 1\n FROM shop.items;\n",
      1, qr/shop\.items belongs to tenants and a does not use :tenant/ ],
    [ 'a tenant in a comment only',
      "-- name: a() -> int\nSELECT 1 FROM shop.items -- :tenant\n;\n",
      1, qr/shop\.items belongs to tenants/ ],
    [ 'across tenants without a reason', "-- name: a() -> int\n"
      . "-- across tenants:\nSELECT 1 FROM shop.items;\n",
      2, qr/across tenants: say why/ ],
    [ 'across tenants without a tenant\'s table', "-- name: a() -> int\n"
      . "-- across tenants: for fun\nSELECT 1 FROM shop.countries;\n",
      1, qr/touches no tenant's table/ ],
    [ 'another schema\'s table',
      "-- name: a() -> int\nSELECT 1 FROM shop.items i,\n  cart.lines $T;\n",
      3, qr/cart\.lines is another schema's/ ],
    [ 'another schema\'s function',
      "-- name: a() -> int\nSELECT cart.total(1);\n",
      2, qr/cart\.total\(\) is another schema's/ ],
    [ 'a table that no migration creates',
      "-- name: a() -> int\nSELECT 1 FROM shop.ghosts;\n",
      2, qr/no migration creates shop\.ghosts/ ],
    [ 'a table that was dropped',
      "-- name: a() -> int\nSELECT 1 FROM shop.dropped;\n",
      2, qr/no migration creates shop\.dropped/ ],
    [ 'a table without its schema',
      "-- name: a() -> int\nSELECT 1 FROM items;\n",
      2, qr/name the schema of the table items/ ],
    [ 'an event that nothing would write',
      "-- name: a() -> int\nWITH o AS (SELECT 1 AS x), e AS MATERIALIZED (\n"
      . "SELECT pando.emit(:tenant, (1)) FROM o) SELECT x FROM o;\n",
      1, qr/nothing reads e, .* no event would be written/ ],

    [ 'a page without a sort', "-- name: a() -> page\nSELECT 1 :keys"
      . " WHERE :after ORDER BY :order LIMIT :limit;\n",
      1, qr/names no "-- sort:"/ ],
    [ 'a sort of what is not a page',
      "-- name: a() -> int\n-- sort: x = x int\nSELECT 1;\n",
      1, qr/is not a page and has no sort/ ],
    [ 'a sort named twice', "-- name: a() -> page\n-- sort: x = x int\n"
      . "-- sort: x = y int\nSELECT 1 :keys WHERE :after ORDER BY :order"
      . " LIMIT :limit;\n",
      1, qr/the sort x is named twice/ ],
    [ 'a key without a type', "-- name: a() -> page\n-- sort: x = x\nSELECT 1;\n",
      2, qr/the key "x" is not: column type/ ],
    [ 'a key of an unknown type',
      "-- name: a() -> page\n-- sort: x = x thing\nSELECT 1;\n",
      2, qr/the type thing of the key x is not known/ ],
    [ 'nine keys', "-- name: a() -> page\n-- sort: x = "
      . join(', ', map { "k$_ int" } 1 .. 9) . "\nSELECT 1;\n",
      2, qr/more than 8 keys/ ],
    map([ "a page without :$_", "-- name: a() -> page\n-- sort: x = x int\n"
          . "SELECT 1 :keys WHERE :after ORDER BY :order LIMIT :limit;\n"
          =~ s/:$_/true/r, 1, qr/the page a does not use :$_/ ],
        qw(keys after order limit)),
    [ 'more parameters than a statement has', '-- name: a('
      . join(', ', map { "p$_ int" } 1 .. 41) . ") -> int\nSELECT "
      . join(' + ', map { ":p$_" } 1 .. 41) . ";\n",
      1, qr/a has 41 parameters; 40 is the most/ ],
);

# Every place of a statement where a table can stand.
for ([ 'after a comma', 'SELECT 1 FROM shop.countries c, shop.items' ],
     [ 'joined', 'SELECT 1 FROM shop.countries c LEFT JOIN shop.items i ON true' ],
     [ 'in parentheses',
       'SELECT 1 FROM ((shop.countries c CROSS JOIN shop.items i))' ],
     [ 'in a subquery', 'SELECT (SELECT max(name) FROM shop.items)' ],
     [ 'in a lateral subquery', 'SELECT 1 FROM shop.countries c,'
       . ' LATERAL (SELECT 1 FROM shop.items) AS i' ],
     [ 'in a WITH', 'WITH x AS (SELECT 1 FROM shop.items) SELECT 1 FROM x' ],
     [ 'behind a function', 'SELECT 1 FROM generate_series(1, 2) AS g(i),'
       . ' unnest(ARRAY[1, 2]) u, shop.items' ],
     [ 'behind extract', 'SELECT extract(year FROM now()), 1 FROM shop.items' ],
     [ 'behind is distinct from',
       'SELECT 1 IS DISTINCT FROM 2 FROM ONLY shop.items' ],
     [ 'as TABLE', 'SELECT 1 WHERE EXISTS (TABLE shop.items)' ],
     [ 'inserted into', 'INSERT INTO shop.items (id) VALUES (NULL)' ],
     [ 'updated', 'UPDATE shop.items SET name = NULL' ],
     [ 'updated from',
       'UPDATE shop.fresh SET id = NULL FROM shop.countries, shop.items' ],
     [ 'deleted using', 'DELETE FROM shop.fresh USING shop.items' ],
     [ 'merged', 'MERGE INTO shop.fresh USING shop.items i ON true'
       . ' WHEN MATCHED THEN DELETE' ],
     [ 'a partition', 'SELECT 1 FROM shop.parts' ],
     [ 'a copy', 'SELECT 1 FROM shop.copies' ],
     [ 'a view', 'SELECT 1 FROM shop.names' ],
     [ 'a column added later', 'SELECT 1 FROM shop.late' ],
     [ 'the root\'s', 'SELECT 1 FROM pando.outbox' ])
{
    push @refused, [ "a tenant's table $_->[0]",
        "-- name: a() -> none\n$_->[1];\n", 1, qr/belongs to tenants/ ];
}

for (@refused) {
    my ($what, $sql, $line, $sentence) = @$_;
    my ($status, $said) = compiled($sql);

    ok $status == 1 && $said =~ m{^sql/shop/q\.sql:$line: .*$sentence}
        && $said =~ tr/\n// == 1, "refused: $what" or diag "$status: $said";
}

is_deeply [ glob "$out/*" ], [], 'nothing is written of what is refused';


# What passes

for ([ 'a cast and a slice', 'SELECT 1::int + (ARRAY[1, 2])[1 : 2][1]' ],
     [ 'quotes of all kinds', <<'END' ],
SELECT 'it''s ; :x' || E'\' ; :x' || $$ ; :x $$ || $a$ $$ ; $a$ AS "a;"":x"
END
     [ 'comments of all kinds', "SELECT 1 -- ; ' :x\n /* ; /* ' */ :x */" ],
     [ 'a small table', 'SELECT 1 FROM shop.countries' ],
     [ 'a renamed table', 'SELECT 1 FROM shop.fresh' ],
     [ 'a WITH of several', 'WITH RECURSIVE a (x, y) AS (SELECT 1, 2), b AS'
       . ' NOT MATERIALIZED (SELECT 1) SELECT 1 FROM a JOIN b USING (x), a c' ],
     [ 'an insert that updates', 'INSERT INTO shop.countries AS c (code)'
       . " VALUES ('x') ON CONFLICT (code) DO UPDATE SET code = 'y', at = now()"
     ],
     [ 'functions of the root and of PostgreSQL',
       'SELECT pando.f(), pg_catalog.now() FROM pando.f() AS f, ROWS FROM'
       . ' (generate_series(1, 2), pando.f()) AS r' ],
     [ 'an event that something reads', 'WITH o AS (SELECT 1), e AS ('
       . 'SELECT pando.emit(1) FROM o) SELECT count(*) FROM e' ],
     [ 'a tenant, bound', 'SELECT 1 FROM shop.items WHERE tenant_id = :tenant' ])
{
    my ($status, $said) = compiled("-- name: a() -> none\n$_->[1];\n");
    is "$status$said", '0', "passes: $_->[0]";
}

for ([ 'reads', 'SELECT 1' ], [ 'reads', 'WITH a AS (VALUES (1)) SELECT 1' ],
     [ 'writes', 'WITH a AS (DELETE FROM shop.countries) SELECT 1' ],
     [ 'writes', 'SELECT 1 FROM shop.countries FOR SHARE' ],
     [ 'writes', 'SELECT pando.emit()' ], [ 'writes', "SELECT nextval('x')" ],
     [ 'slow', 'SELECT 1', '-- lane: slow' ])
{
    my ($lane, $sql, $mark) = @$_;

    compiled("-- name: a() -> none\n" . ($mark ? "$mark\n" : '') . "$sql;\n");
    like got('shop_sql.c'), qr/\.lane = PANDO_\U$lane,/, "$lane: $sql";
}


# What it makes: one query in full, then one of each kind.

compiled(<<'END');
-- name: lock(id uuid, since timestamptz?, q text?) -> row? shop_item
-- row: id uuid, name text?, at timestamptz?, price money
-- It stays locked until the transaction ends.
SELECT id, name, at, 1, 'EUR' -- what a "price"
  FROM shop.items
 WHERE tenant_id = :tenant AND id = :id::uuid
   AND at > :since AND "name" <> '??' || :q
   FOR UPDATE;
END

is got('shop_sql.h'), <<'END', 'the header';
/*
 * The named queries of sql/shop/, made by sql/compile.pl: change those.
 * Texts point into the result; a nullable member that is not a text has
 * has_<member> beside it.
 */

#ifndef PANDO_SHOP_SQL_H
#define PANDO_SHOP_SQL_H

#include "pando.h"


typedef struct {
    pando_uuid_t   id;
    const char    *name;
    pando_time_t   at;
    bool           has_at;
    pando_money_t  price;
} shop_item_t;


/*
 * It stays locked until the transaction ends.
 * sql/shop/q.sql:1
 */
PANDO_WAITS shop_item_t *shop_sql_lock(pando_tx_t *tx, pando_uuid_t id,
    const pando_time_t *since, const char *q);
PANDO_WAITS PANDO_LEAVES shop_item_t *shop_sql_lock_or_404(pando_tx_t *tx,
    pando_uuid_t id, const pando_time_t *since, const char *q);


/* All of them, each text of a page too; ends in NULL. */
extern pando_query_t *const  shop_queries[];

#endif
END

is got('shop_sql.c'), <<'END', 'the functions';
/* Made by sql/compile.pl from sql/shop/. */

#include "shop_sql.h"


/* sql/shop/q.sql:1 */
static pando_query_t  query_lock = {
    .name = "shop.lock",
    .text =
        "SELECT id, name, at, 1, 'EUR'\n"
        "  FROM shop.items\n"
        " WHERE tenant_id = $1 AND id = $2::uuid\n"
        "   AND at > $3 AND \"name\" <> '?\?' || $4\n"
        "   FOR UPDATE",
    .lane = PANDO_WRITES,
    .nparams = 4,
    .types = (const uint32_t[]) { 2950, 2950, 1184, 25 },
    .tenant = 1,
};


static void
read_shop_item_t(const pando_rows_t *rows, size_t i, shop_item_t *row)
{
    row->id = pando_rows_uuid(rows, i, 0);
    row->name = pando_rows_text(rows, i, 1);

    row->has_at = !pando_rows_null(rows, i, 2);

    if (row->has_at) {
        row->at = pando_rows_time(rows, i, 2);
    }

    row->price.amount = pando_rows_int(rows, i, 3);
    strncpy(row->price.currency, pando_rows_text(rows, i, 4), 3);
}


shop_item_t *
shop_sql_lock(pando_tx_t *tx, pando_uuid_t id, const pando_time_t *since,
    const char *q)
{
    pando_args_t   args = { 0 };
    pando_rows_t  *rows;
    shop_item_t   *row;

    pando_arg_uuid(&args, 2, &id);

    if (since != NULL) {
        pando_arg_time(&args, 3, since);
    }

    pando_arg_text(&args, 4, q);

    rows = pando_run(tx, &query_lock, &args);

    if (pando_rows_count(rows) == 0) {
        return NULL;
    }

    row = pando_alloc(pando_tx_req(tx), sizeof(shop_item_t));
    read_shop_item_t(rows, 0, row);

    return row;
}


shop_item_t *
shop_sql_lock_or_404(pando_tx_t *tx, pando_uuid_t id,
    const pando_time_t *since, const char *q)
{
    shop_item_t  *found = shop_sql_lock(tx, id, since, q);

    if (found == NULL) {
        pando_leave(pando_tx_req(tx), &pando_not_found);
    }

    return found;
}


pando_query_t *const  shop_queries[] = {
    &query_lock,
    NULL
};
END

my @scalars = qw(uuid text bigint int integer bool boolean jsonb json
                 timestamptz date numeric decimal float8);
my $n = 0;

my ($status, $said) = compiled(join '',
    map({ $n++; ("-- name: one$n(a $_, b $_?) -> $_\nSELECT :a, :b;\n",
          "-- name: any$n(a $_, b $_?) -> $_?\nSELECT :a, :b;\n",
          "-- name: row$n(a $_, b $_?) -> row\n-- row: c $_, d $_?, e money?\n"
          . "SELECT :a, :b;\n") } @scalars),
    map({ $n++; "-- name: set$n(a $_, b $_?) -> none\nSELECT :a, :b;\n" }
        'bytea', 'uuid[]', 'text[]', 'bigint[]'),
    "-- name: nothing() -> none\nSELECT 1;\n",
    "-- name: touched() -> affected\nSELECT 1;\n",
    "-- name: documents(a text) -> json\nSELECT :a;\n",
    "-- name: document() -> json?\nSELECT 1;\n",
    "-- name: rows_of(\n--   a text) -> rows item\n-- row: n text, row int?\n"
    . "SELECT :a;\n",
    "-- name: more() -> row? item\nSELECT 1;\n",
    "-- name: a_query_with_a_name_that_goes_on_and_on(tenant_id uuid?)"
    . " -> row?\n-- row: a_member_with_a_name_as_long text\n"
    . "SELECT :tenant_id;\n",
    "-- name: list(a uuid[], b int?) -> page\n-- sort: at = i.at timestamptz,"
    . " coalesce(i.id, i.id) uuid\n-- sort: -at = at timestamptz desc, id uuid"
    . " desc\n-- sort: mixed = at timestamptz desc, name text, id uuid\n"
    . "SELECT to_jsonb(i) AS doc :keys FROM shop.items i WHERE i.tenant_id ="
    . " :tenant AND id = ANY (:a) AND (:b IS NULL OR :after) AND :user IS NOT"
    . " NULL ORDER BY :order LIMIT :limit;\n");

is "$status$said", '0', 'a query of each kind';

my $c = got('shop_sql.c');

for ([ 'keys behind the document', 'SELECT to_jsonb(i) AS doc ,'
       . ' i.at::text AS key_1, coalesce(i.id, i.id)::text AS key_2 FROM' ],
     [ 'rising keys', '(i.at, coalesce(i.id, i.id)) > ($5, $6)' ],
     [ 'falling keys', '(at, id) < ($5, $6)' ],
     [ 'mixed keys', '(at <= $5 AND (at < $5 OR name >= $6'
       . ' AND (name > $6 OR id > $7)))' ],
     [ 'before the first page', 'IS NULL OR true' ],
     [ 'the order', 'ORDER BY at DESC, name, id LIMIT $8' ],
     [ 'types of arguments, keys and limit',
       '{ 2950, 2951, 23, 2950, 1184, 25, 2950, 20 }' ],
     [ 'arguments are counted before the keys',
       'pando_run_page(tx, &shop_sql_list_pages, &args, 4)' ],
     [ 'the user', '.user = 4' ])
{
    ok index($c, $_->[1]) >= 0, "a page: $_->[0]";
}

my @before = (stat "$out/shop_sql.c")[1, 9];
compiled();
is_deeply [ (stat "$out/shop_sql.c")[1, 9] ], \@before,
    'a file that has not changed is not written';

check_c('a query of each kind');


# The house's own

for my $path (glob "$SQL/*/") {
    my ($domain) = $path =~ m{([^/]+)/$};
    my $said = qx{$^X $SQL/compile.pl $domain $SQL $out 2>&1};

    is "$?$said", '0', "sql/$domain compiles";
}

check_c('the house\'s queries');

is system("$^X $SQL/compile.pl nowhere $SQL $out 2>/dev/null") >> 8, 2,
    'a folder that is not there: how to use it';

done_testing;


sub put
{
    my ($name, $text) = @_;

    open my $file, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $file $text;
    close $file or die "$dir/$name: $!\n";
}


sub got
{
    my ($name) = @_;

    open my $in, '<', "$out/$name" or return "no $name";
    local $/;
    return <$in>;
}


# Exit status and what it said of a file with these queries.
sub compiled
{
    my ($sql) = @_;

    put('shop/q.sql', $sql) if defined $sql;
    my $said = qx{$^X $SQL/compile.pl shop $dir $out 2>&1};
    return ($? >> 8, $said);
}


sub check_c
{
    my ($what) = @_;

    for my $cc (qw(gcc clang)) {
      SKIP: {
        skip "$cc is not installed", 1 if system("$cc --version >/dev/null 2>&1");
        my $said = qx{$cc $CC $out/*.c 2>&1};
        is "$?$said", '0', "$cc takes $what";
      }
    }
}
