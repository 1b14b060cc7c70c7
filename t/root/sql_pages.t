# Pages by keyset, run in PostgreSQL as the runtime runs them: whatever the
# sort and the limit, every row comes once and in order, though most keys are
# shared by many rows; and a deep page is found by the index.

use Pando;

use DBI;
use File::Temp qw(tempdir);
use lib "$Pando::ROOT/sql";
use Queries;

my $dir = tempdir(CLEANUP => 1);

mkdir "$dir/$_" for qw(pando shop);
put('shop/001_shop.sql', my $schema = <<'END');
CREATE SCHEMA shop;
CREATE TABLE shop.items (
    id         uuid PRIMARY KEY DEFAULT pando.uuid7(),
    tenant_id  uuid NOT NULL,
    place      text NOT NULL,
    rank       int NOT NULL,
    at         timestamptz NOT NULL
);
CREATE INDEX items_by_place ON shop.items (tenant_id, place, id);
CREATE INDEX items_by_age ON shop.items (tenant_id, at DESC, id DESC);
CREATE INDEX items_mixed ON shop.items (tenant_id, at DESC, rank, id DESC);
END
put('shop/items.sql', <<'END');
-- name: list(above int?) -> page
-- sort: place = place text, id uuid
-- sort: -at = at timestamptz desc, id uuid desc
-- sort: mixed = at timestamptz desc, rank int, id uuid desc
SELECT jsonb_build_object('id', id, 'place', place) :keys
  FROM shop.items
 WHERE tenant_id = :tenant AND (:above::int IS NULL OR rank > :above)
   AND :after
 ORDER BY :order LIMIT :limit;
END

my $db = DBI->connect('dbi:Pg:' . Pando::database(), '', '',
    { RaiseError => 1, PrintError => 0 });
my ($tenant) = $db->selectrow_array('SELECT gen_random_uuid()');

$db->do($schema);
$db->do("INSERT INTO shop.items (tenant_id, place, rank, at)
         SELECT '$tenant', chr(97 + i * 7 % 13) || ' \"', i * 31 % 5,
                now() - i * 17 % 9 * interval '1.000001 days'
           FROM generate_series(1, 1000) AS i");

my ($large) = $db->selectrow_array('SELECT gen_random_uuid()');

$db->do("INSERT INTO shop.items (tenant_id, place, rank, at)
         SELECT '$large', md5((i % 99)::text), i % 77,
                now() - i % 88 * interval '1 hour'
           FROM generate_series(1, 50000) AS i");
$db->do('ANALYZE shop.items');

my ($list) = @{ Queries::domain($dir, 'shop')->{queries} };
my %order = ( place => 'place, id', -at => 'at DESC, id DESC',
    mixed => 'at DESC, rank, id DESC');
my %text;

$text{$_->{sort}{sort}}{$_->{which}} = $_ for @{ $list->{texts} };

is_deeply [ map { $_->{name} } @{ $list->{params} } ], [ qw(tenant above) ],
    'the parameters in the order of their numbers';

for my $sort (sort keys %order) {
    for my $above (undef, 2) {
        my $ids = $db->selectcol_arrayref("SELECT id FROM shop.items WHERE
            tenant_id = ? AND rank > ? ORDER BY $order{$sort}", undef,
            $tenant, $above // -1);

        for my $limit (1, 7, 50, 1000) {
            my @got = walked($text{$sort}, $above, $limit);
            is_deeply \@got, $ids, "$sort, $limit a page, above "
                . ($above // 'all') . ': ' . @$ids . ' rows';
        }
    }

    my @keys = map { $_->{column} } @{ $text{$sort}{after}{sort}{keys} };
    my $middle = $db->selectrow_arrayref("SELECT " . join(', ', @keys) . " FROM
        shop.items WHERE tenant_id = ? ORDER BY $order{$sort} OFFSET 30000
        LIMIT 1", undef, $large);
    my $plan = join "\n", map { @$_ } @{ $db->selectall_arrayref(
        'EXPLAIN (ANALYZE, TIMING OFF) ' . join("\n", @{
            $text{$sort}{after}{sql} }), undef, $large, undef, @$middle, 51) };

    like $plan, qr/Index (?:Only )?Scan using/, "$sort: a deep page goes by the index";
    unlike $plan, qr/Sort Key/, "$sort: and is not sorted";
    ok sum($plan =~ /Rows Removed by Filter: (\d+)/g) < 1000,
        "$sort: and passes few rows" or diag $plan;
}

$db->disconnect;
done_testing;


# The ids of all pages, as pando_run_page() asks for them: one row more than
# the limit tells whether there is another page.
sub walked
{
    my ($text, $above, $limit) = @_;
    my (@ids, @keys);

    while (1) {
        my $page = $text->{@keys ? 'after' : 'first'};
        my $st = $db->prepare(join "\n", @{ $page->{sql} });
        my $n = 0;

        $st->bind_param(++$n, $_, { pg_type => $page->{oids}[$n - 1] })
            for $tenant, $above, @keys, $limit + 1;
        $st->execute;

        my $rows = $st->fetchall_arrayref;
        my $more = @$rows > $limit ? pop @$rows : undef;

        push @ids, map { $_->[0] =~ /"id": "([^"]+)"/ } @$rows;
        return @ids if !$more || @ids > 2000;
        @keys = @{ $rows->[-1] }[1 .. $#{ $rows->[-1] }];
    }
}


sub sum
{
    my $sum = 0;

    $sum += $_ for @_;
    return $sum;
}


sub put
{
    my ($name, $text) = @_;

    open my $file, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $file $text;
    close $file or die "$dir/$name: $!\n";
}
