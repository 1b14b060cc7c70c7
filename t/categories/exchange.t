# Trees written for other systems and read from them: what goes out comes back
# in, a dry run writes nothing, and what cannot be read is told.

use FindBin;
use lib $FindBin::Bin;
use utf8;
use Pando;
use Trees;

my $t = Trees->new(large => 1);
my $p = $t->{p};
my $tree = $t->taxonomy(max_depth => 3);
my ($IMPORT, $EXPORT) = ('POST /taxonomies/{id}/import', 'GET /taxonomies/{id}/export');

sub import_
{
    my ($body, $apply, $into) = @_;
    return $t->post("/taxonomies/" . ($into // $tree)->{id} . '/import'
                    . ($apply ? '?apply=true' : ''), $body, timeout => 120);
}

sub rows { return { format => 'json', rows => [ @_ ] } }
sub export_ { my ($of, $more) = @_; $t->get("/taxonomies/$of->{id}/export$more", timeout => 60) }

sub summary
{
    my ($j) = @_;
    my @said = map { my $k = $_; map { "$k:" . ($_->{slug} // $_->{pointer}) } @{ $j->{$k} } }
        qw(added changed refused);

    return "@said" . (@said ? ' ' : '') . "unchanged:$j->{unchanged}";
}


# A dry run, then the same applied

my @places = (
    { slug => 'tea', parent => 'cafe', name => 'Tea' },
    { slug => 'cafe', parent => 'food', name => { en => "Caf\x{e9}", de => 'Kaffeehaus' },
      plural => { en => "Caf\x{e9}s" }, description => { de => 'Mit "Kuchen", gern' },
      aliases => [ { locale => 'en', alias => 'Coffee shop' } ],
      mappings => [ { scheme => 'osm', code => 'amenity=cafe', weight => 0.5 } ] },
    { slug => 'food', name => 'Food & <drink>', color => '#ff0000' },
    { slug => 'stay', parent => undef, name => 'Stay', status => 'hidden' },
);
my $state = sub { return [ map { "@$_" } $p->sql('SELECT (SELECT count(*)
    FROM categories.categories), (SELECT count(*) FROM pando.outbox),
    (SELECT count(*) FROM categories.taxonomy_changes)') ] };
my $before = $state->();
my $j = $t->works(import_(rows(@places)), $IMPORT, 200);

is summary($j), 'added:food added:stay added:cafe added:tea unchanged:0', 'parents first';
ok !$j->{applied};
is_deeply $state->(), $before, 'nothing is written';

$j = $t->works(import_(rows(@places), 1), $IMPORT, 200);
ok $j->{applied}, 'applied';
is_deeply $t->names($tree), [ 'Food & <drink>', [ "Caf\x{e9}", [ 'Tea' ] ], 'Stay' ],
    'the tree is there';
is $t->get("/taxonomies/$tree->{id}")->json->{live_version}, 2, 'one version of it';
is $p->sql("SELECT count(*) FROM pando.outbox WHERE type = 'taxonomy.published'"), 1, 'one event';
is $t->public('/categories/map?scheme=osm&code=amenity=cafe')->json->{data}[0]{slug}, 'cafe',
    'with its codes';
is $t->public("/categories/by-slug/cafe")->json->{plural}, "Caf\x{e9}s";
$t->sound;

is summary(import_(rows(@places), 1)->json), 'unchanged:4', 'the same again changes nothing';

my @changed = ({ slug => 'tea', parent => 'food' }, { slug => 'stay', name => 'Sleep' },
               { slug => 'bar', parent => 'food', name => 'Bar' }, { slug => 'cafe' });
$j = import_(rows(@changed), 1)->json;
is summary($j), 'added:bar changed:tea changed:stay unchanged:1', 'what differs';
is_deeply $j->{changed}[0]{changes}{parent}, [ 'cafe', 'food' ], 'before and after';
is_deeply $t->names($tree), [ 'Food & <drink>', [ "Caf\x{e9}", 'Tea', 'Bar' ], 'Sleep' ];
is $t->public('/categories/by-slug/cafe')->json->{names}{de}, 'Kaffeehaus',
    'what is not mentioned stays';


# There and back, in each format

for my $format (qw(json csv skos)) {
    my $r = $t->get("/taxonomies/$tree->{id}/export?format=$format");
    $t->works($r, $EXPORT, 200, "$format: out");
    my $body = $format eq 'json' ? $r->json
        : { format => $format, text => do { my $b = $r->{body}; utf8::decode($b); $b } };

    is summary(import_($body)->json), 'unchanged:5', "$format: what went out is what is there"
        or diag $r->{body};

    my $copy = $t->taxonomy(key => "copy-$format");
    $j = $t->works(import_($body, 1, $copy), $IMPORT, 200, "$format: in");
    is_deeply $t->names($copy), $t->names($tree), "$format: the same tree";
    is_deeply $t->public("/categories/by-slug/cafe?taxonomy=copy-$format&locale=de")
        ->json->{description}, 'Mit "Kuchen", gern', "$format: its texts";
    is $t->public("/categories/suggest?q=coffee&taxonomy=copy-$format")->json->{data}[0]{slug},
        'cafe', "$format: its aliases";
    is $t->get("/taxonomies/$copy->{id}/export?format=$format")->header('Content-Type'),
        { json => 'application/json', csv => 'text/csv; charset=utf-8',
          skos => 'application/rdf+xml' }->{$format}, "$format: its type";
}

my $food = $t->public('/categories/by-slug/tea')->json->{parent_id};
is scalar @{ export_($tree, "?root=$food")->json->{rows} }, 4, 'a part of it';


# What cannot be read

sub refused { my ($code, $pointer, $name, @rows) = @_;
    my $r = import_(rows(@rows))->json->{refused}[0];
    is "$r->{pointer} $r->{code}", "$pointer $code", $name }

refused('parent_unknown', '/rows/x', 'a parent that is not there',
        { slug => 'x', name => 'X', parent => 'none' });
refused('name_needed', '/rows/x', 'a new one without a name', { slug => 'x' });
refused('category_cycle', '/rows/food', 'a circle', { slug => 'food', parent => 'tea' });
refused('categories_too_deep', '/rows/y', 'too deep', { slug => 'x', name => 'X',
        parent => 'tea' }, { slug => 'y', name => 'Y', parent => 'x' });
refused('category_names_sibling_key', '/rows/x', 'a name twice',
        { slug => 'x', name => 'CAFE', parent => 'food' });
$before = $state->();
$t->fails(import_(rows({ slug => 'good', name => 'Good' }, { slug => 'x' }), 1), $IMPORT,
          'import_refused', '/rows/x', 'one that cannot be, and none is');
is_deeply $state->(), $before, 'nothing is written';

$t->fails(import_({ format => 'csv' }), $IMPORT, 'import_empty');
$t->fails(import_({ format => 'csv', text => "slug,status\nfood,deprecated\n" }), $IMPORT,
          'import_malformed', '/text', 'no row deprecates');
$t->fails(import_(rows({ slug => 'food', status => 'deprecated' })), $IMPORT, 'invalid',
          '/rows/0/status');
my $e = $t->fails(import_({ format => 'csv', text => "slug\n\"x" }), $IMPORT, 'import_malformed',
                  '/text');
is $e->{line}, 2, 'which line it is';
$t->fails(import_({ format => 'skos', text => $_ }), $IMPORT, 'import_malformed', '/text')
    for 'no xml', '<a>', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>';
$t->fails(import_({ format => 'csv', text => join "\n", 'slug', map { "s$_" } 1 .. 5001 }),
          $IMPORT, 'import_too_large', '/text');
$t->fails(import_(rows({ slug => 'No slug' })), $IMPORT, 'invalid', '/rows/0/slug');
$t->fails(import_(rows(), 0, { id => $Trees::NOBODY }), $IMPORT, 'not_found');
$t->fails($t->get("/taxonomies/$Trees::NOBODY/export"), $EXPORT, 'not_found');
is $p->get("/api/v1/taxonomies/$tree->{id}/export", token => $Trees::OTHER)->{status}, 404,
    'of this tenant only';

my ($stay, $tea) = map { $t->public("/categories/by-slug/$_")->json } qw(food tea);
my $top = $t->category($tree, 'Top');
$t->post("/categories/$top->{id}/attributes", { key => 'a', name => 'A', kind => 'bool' });
$t->post("/categories/$tea->{id}/attributes", { key => 'a', name => 'A', kind => 'text' });
$t->fails(import_(rows({ slug => 'tea', parent => 'top' }), 1), $IMPORT, 'attribute_loosened');


# As many as may be

my $big = $t->taxonomy(key => 'big');
my @many = map { { slug => "n$_", name => "N$_", $_ > 50 ? (parent => 'n' . (1 + $_ % 50)) : () } }
    1 .. 5000;
my $start = time;
$j = $t->works(import_(rows(@many), 1, $big), $IMPORT, 200);
is scalar @{ $j->{added} }, 5000, 'five thousand rows';
diag '5,000 rows imported in ', time - $start, ' s';
is scalar @{ export_($big, '?format=json')->json->{rows} }, 5000, 'and out again';
$p->sql("INSERT INTO categories.categories (tenant_id, taxonomy_id, slug, position)
    SELECT tenant_id, id, 'e' || i, to_char(i, 'FM00000') || 'i'
      FROM categories.taxonomies, generate_series(1, 15001) AS i WHERE id = ?", $big->{id});
$t->fails(export_($big, ''), $EXPORT, 'export_too_large', '?root');

$t->all_provoked('categories_exchange.c');
done_testing;
