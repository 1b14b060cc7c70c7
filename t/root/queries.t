# Every query of every domain against the migrated database: it prepares with
# the types its comment gives, returns what the comment says, and reads no
# table that grows from end to end.
#
# The tables are empty, but the planner is told otherwise: it believes
# pg_class for how many rows a page holds and the file for how many pages there
# are, so each table's file is lengthened (by a hole, which takes no space) to
# the size of two million rows.  Without statistics it assumes what it does of
# columns that it knows nothing of; plans are the generic ones, for unknown
# parameters.  What functions read inside is not seen.
#
# A table that does not grow says so in its migration: "-- small: <reason>".

use Pando;

use DBI;
use File::Temp qw(tempdir);
use JSON::PP;
use lib "$Pando::ROOT/sql";
use Queries;

my $SQL = $ENV{PANDO_SQL} && -d $ENV{PANDO_SQL} ? $ENV{PANDO_SQL}
    : "$Pando::ROOT/sql";
my ($ROWS, $PAGES) = (2_000_000, 20_000);

# What may stand in a column of a type; any text is text.
my %MEANS = (text => qr/^(?:text|character varying|character|name)\b/,
    int => qr/^(?:integer|smallint|bigint)$/,
    bigint => qr/^(?:integer|smallint|bigint)$/, bool => qr/^boolean$/,
    timestamptz => qr/^timestamp with time zone$/, float8 => qr/^double/,
    json => qr/^jsonb?$/, jsonb => qr/^jsonb?$/, time => qr/^time without/,
    numeric => qr/^numeric/);


# First the test itself, on a domain that does everything wrong.

my $dir = tempdir(CLEANUP => 1);
my $conninfo = Pando::database();
my $db = DBI->connect("dbi:Pg:$conninfo", '', '',
    { RaiseError => 1, PrintError => 0 });

$db->do('SET search_path = public');
mkdir "$dir/$_" for qw(pando wrong);
put('wrong/001_wrong.sql', my $schema = <<'END');
CREATE SCHEMA wrong;
CREATE TABLE wrong.large (id uuid PRIMARY KEY, n int, at timestamptz, w text,
    tenant_id uuid);
CREATE INDEX large_by_time ON wrong.large (tenant_id, at);
CREATE INDEX large_partial ON wrong.large (n) WHERE w = 'due';
-- small: a handful
CREATE TABLE wrong.small (id uuid PRIMARY KEY, large uuid
    REFERENCES wrong.large (id));
CREATE TABLE wrong.child (id uuid PRIMARY KEY, large_id uuid
    REFERENCES wrong.large (id));
CREATE SCHEMA other;
CREATE TABLE other.small (id uuid REFERENCES wrong.small (id));
END
put('wrong/wrong.sql', <<'END');
-- name: scan(w text) -> rows
-- across tenants: a test
-- row: id uuid
SELECT id FROM wrong.large WHERE w = :w;
-- name: whole() -> int
-- across tenants: a test
SELECT count(*) FROM wrong.large;
-- name: sorted(w text) -> page
-- sort: w = w text, id uuid
SELECT to_json(l) :keys FROM wrong.large l
 WHERE tenant_id IS DISTINCT FROM :tenant AND w > :w AND :after
 ORDER BY :order LIMIT :limit;
-- name: unknown(id uuid) -> none
SELECT nothing FROM wrong.small WHERE id = :id;
-- name: other_type(id text) -> none
DELETE FROM wrong.small WHERE id = :id;
-- name: too_few(id uuid) -> row?
-- row: id uuid, large uuid?
SELECT id FROM wrong.small WHERE id = :id;
-- name: another(id uuid) -> row?
-- row: id text
SELECT id FROM wrong.small WHERE id = :id;
-- name: value(id uuid) -> int?
SELECT id FROM wrong.small WHERE id = :id;
-- name: document(id uuid) -> json?
SELECT '{}'::json, 1 FROM wrong.small WHERE id = :id;
-- name: no_document(id uuid) -> json?
SELECT id FROM wrong.small WHERE id = :id;
-- name: money(id uuid) -> row?
-- row: price money
SELECT 1, 2 FROM wrong.small WHERE id = :id;

-- name: by_id(id uuid) -> row? right
-- across tenants: a test
-- row: id uuid, n int?, at timestamptz?, w text?
SELECT id, n, at, w FROM wrong.large WHERE id = :id;
-- name: by_time() -> page
-- sort: at = at timestamptz
SELECT to_jsonb(l) :keys FROM wrong.large l WHERE tenant_id = :tenant
   AND :after ORDER BY :order LIMIT :limit;
-- name: due() -> rows
-- across tenants: a test
-- row: n int?
SELECT n FROM wrong.large WHERE w = 'due';
-- name: first() -> row? right
-- across tenants: a test
SELECT id, n, at, w FROM wrong.large ORDER BY id LIMIT 1;
-- name: all_small() -> rows
-- row: id uuid, price money
SELECT id, 1, 'EUR'::varchar FROM wrong.small;
-- name: texts(id uuid) -> json
SELECT '{}'::text, 1 AS version FROM wrong.small WHERE id = :id;
-- name: told(id uuid) -> json
SELECT '{}'::json, 1 AS version, pando.emit(NULL, 'a', 1, :id, '{}');
-- name: change(id uuid, w text) -> affected
UPDATE wrong.large SET w = :w WHERE id = :id AND tenant_id = :tenant;
END

$db->do($schema);
is_deeply [ problems($dir, 'wrong') ], [
    'wrong.unknown: column "nothing" does not exist',
    'wrong.other_type: operator does not exist: uuid = text',
    'wrong.scan: reads wrong.large from end to end',
    'wrong.whole: reads wrong.large from end to end',
    'wrong.sorted/w/first: reads wrong.large from end to end',
    'wrong.sorted/w/after: reads wrong.large from end to end',
    'wrong.too_few: gives id uuid; its comment says uuid, uuid',
    'wrong.another: gives id uuid; its comment says text',
    'wrong.value: gives id uuid; its comment says int',
    'wrong.document: gives json json, ?column? integer; its comment says a'
        . ' document, perhaps version bigint',
    'wrong.no_document: gives id uuid; its comment says a document',
    'wrong.money: gives ?column? integer, ?column? integer; its comment says'
        . ' bigint, text',
], 'what is wrong is found, and what is right is not';
is_deeply [ constraints('wrong') ], [
    'wrong.child: deleting from wrong.large reads it from end to end: it has no'
        . ' index for child_large_id_fkey' ], 'so is a reference without index';
is_deeply [ constraints('other') ], [ 'other.small refers to wrong.small:'
    . ' a domain knows no other\'s tables' ], 'and one to another domain';
$db->do('SET client_min_messages = warning;
    DROP SCHEMA wrong, other CASCADE');


# Then the house's

for my $path (sort glob "$SQL/*/") {
    my ($domain) = $path =~ m{([^/]+)/$};
    my @problems = (problems($SQL, $domain), constraints($domain));

    is join("\n", @problems), '', "sql/$domain";
}

$db->disconnect;
done_testing;


sub problems
{
    my ($sql, $domain) = @_;
    my $all = eval { Queries::domain($sql, $domain) } or return $@;
    my ($psql, @problems, @plans, @ready) = ("SET search_path = public;\n");

    grown($all->{tables});
    $db->do('SET plan_cache_mode = force_generic_plan');

    for my $q (@{ $all->{queries} }) {
        for my $text (@{ $q->{texts} }) {
            my $name = 'q' . @ready;
            my @types = map { typename($_) } @{ $text->{oids} };
            my $execute = "EXECUTE $name" . (@types ? '('
                . join(', ', map { 'NULL' } @types) . ')' : '');
            my $prepare = "PREPARE $name" . (@types ? '('
                . join(', ', @types) . ')' : '') . " AS\n"
                . join("\n", @{ $text->{sql} });

            if (!eval { $db->do($prepare); 1 }) {
                push @problems, "$text->{full}: "
                    . $db->pg_error_field('message_primary');
                next;
            }

            push @plans, map { "$text->{full}: reads $_ from end to end" }
                scanned($all->{tables}, $execute);
            push @ready, [ $q, $text ];
            $psql .= "$prepare;\n$execute \\gdesc\n\\echo ---\n";
        }
    }

    $db->do('DEALLOCATE ALL');
    return (@problems, @plans, described($psql, @ready));
}


# Makes the tables look large, once.
sub grown
{
    my ($tables) = @_;
    my ($data) = $db->selectrow_array('SHOW data_directory');
    my $leaves = $db->selectall_arrayref(<<'END');
SELECT coalesce(p.inhparent, c.oid)::regclass, c.oid,
       pg_relation_filepath(c.oid)
  FROM pg_class c LEFT JOIN pg_inherits p ON inhrelid = c.oid
 WHERE relkind IN ('r', 'm') AND relpages <= 0 AND c.oid >= 16384
END

    for (@$leaves) {
        my ($table, $oid, $path) = @$_;

        next if !$tables->{$table} || $tables->{$table}{small};
        truncate "$data/$path", $PAGES * 8192 or die "$data/$path: $!\n";
        $db->do('UPDATE pg_class SET reltuples = ?, relpages = ? WHERE oid = ?',
                undef, $ROWS, $PAGES, $oid);
    }
}


# The large tables that a plan reads whole: by a sequential scan, or by an
# index without a condition where no LIMIT ends it (the index of what is due,
# say, is small: a partial one may be read whole).
sub scanned
{
    my ($tables, $execute) = @_;
    my ($json) = $db->selectrow_array("EXPLAIN (FORMAT JSON, VERBOSE) $execute");
    my ($plan) = @{ decode_json($json) };
    my (%scanned, $walk);

    $walk = sub {
        my ($node, $limited) = @_;
        my $type = $node->{'Node Type'};
        my $table = join '.', grep { defined }
            @$node{'Schema', 'Relation Name'};

        $scanned{$table} = 1 if $tables->{$table} && !$tables->{$table}{small}
            && ($type eq 'Seq Scan' || $type =~ /^Index/ && !$limited
                && !$node->{'Index Cond'} && !partial($node->{'Index Name'}));

        $limited = 1 if $type eq 'Limit';
        $limited = 0 if $type =~ /^(?:Sort|Aggregate|Hash)$/;
        $walk->($_, $limited) for @{ $node->{Plans} // [] };
    };

    $walk->($plan->{Plan}, 0) if $plan->{Plan};
    return sort keys %scanned;
}


sub partial
{
    my ($index) = @_;

    return ($db->selectrow_array('SELECT bool_or(indpred IS NOT NULL) FROM
        pg_index JOIN pg_class ON oid = indexrelid WHERE relname = ?', undef,
        $index))[0];
}


# What psql says the statements return, compared with their comments.
sub described
{
    my ($psql, @ready) = @_;

    put('describe.psql', $psql);

    my $said = qx{psql -qXAt -F '\t' -d '$conninfo' -f $dir/describe.psql 2>&1};
    my @parts = split /^---\n/m, $said;
    my @problems;

    for my $i (0 .. $#ready) {
        my ($q, $text) = @{ $ready[$i] };
        my @columns = map { [ split /\t/ ] } grep { /\t/ }
            split /\n/, $parts[$i] // '';
        my $want = wanted($q, $text, @columns) // next;

        push @problems, "$text->{full}: gives "
            . (join(', ', map { "@$_" } @columns) || 'nothing')
            . "; its comment says $want";
    }

    return @problems;
}


# Nothing where the columns are right, or else what they should have been.
sub wanted
{
    my ($q, $text, @columns) = @_;
    my $gives = $q->{gives};
    my @want;

    return if $gives =~ /^(?:none|affected)$/;

    # An event told by the last column is read by nobody.
    pop @columns if @columns > 1 && "@{ $columns[-1] }" eq 'emit uuid';

    if ($gives =~ /^(?:json|page)$/) {
        my $first = shift @columns;

        return 'a document' if !$first || $first->[1] !~ /^(?:jsonb?|text)$/;

        if ($gives eq 'json') {
            return if !@columns || @columns == 1
                && "@{ $columns[0] }" =~ /^version (?:bigint|integer)$/;
            return 'a document, perhaps version bigint';
        }

        @want = map { 'text' } @{ $text->{sort}{keys} };

    } elsif ($q->{struct}) {
        @want = map { $_->{type} eq 'money' ? qw(bigint text) : $_->{type} }
            @{ $q->{row} };

    } else {
        @want = $gives;
    }

    return if @want == @columns && !grep {
        $columns[$_][1] !~ ($MEANS{$want[$_]} // qr/^\Q$want[$_]\E$/)
    } 0 .. $#want;

    return join(', ', @want);
}


# A reference needs an index on its side, or deleting from the other reads it
# whole; and never leaves the domain.
sub constraints
{
    my ($domain) = @_;
    my $tables = Queries::tables($domain =~ /^(?:wrong|other)$/ ? $dir : $SQL,
        $domain);

    return map {
        my ($table, $to, $own, $indexed, $name) = @$_;

        !$own ? "$table refers to $to: a domain knows no other's tables"
        : $indexed || $tables->{$table}{small} ? ()
        : "$table: deleting from $to reads it from end to end: it has no"
            . " index for $name";
    } @{ $db->selectall_arrayref(<<'END', undef, $domain) };
SELECT conrelid::regclass, confrelid::regclass,
       f.relnamespace IN (t.relnamespace, to_regnamespace('pando')),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = conrelid
                  AND ARRAY(SELECT unnest(indkey::int2[])
                             LIMIT cardinality(conkey)) @> conkey),
       conname
  FROM pg_constraint JOIN pg_class t ON t.oid = conrelid
  JOIN pg_class f ON f.oid = confrelid
 WHERE contype = 'f' AND conparentid = 0
   AND t.relnamespace = to_regnamespace(?) ORDER BY 1
END
}


my %name;

sub typename
{
    my ($oid) = @_;

    return $name{$oid} //= ($db->selectrow_array("SELECT $oid\::regtype"))[0];
}


sub put
{
    my ($file, $text) = @_;

    open my $out, '>', "$dir/$file" or die "$dir/$file: $!\n";
    print $out $text;
    close $out or die "$dir/$file: $!\n";
}
