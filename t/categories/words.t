# Aliases, foreign codes, and what is suggested for what was typed.

use FindBin;
use lib $FindBin::Bin;
use utf8;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};
my $tree = $t->taxonomy(key => 'places');
my $other = $t->taxonomy(key => 'other');
my $food = $t->category($tree, { en => 'Food', de => 'Essen' });
my $cafe = $t->category($tree, { en => 'Café', de => 'Kaffeehaus' }, parent_id => $food->{id});
my $bar = $t->category($tree, 'Cocktail bar', parent_id => $food->{id});
my $rest = $t->category($tree, 'Restaurant', parent_id => $food->{id});
my $gone = $t->category($tree, 'Cafeteria', status => 'hidden');
my $else = $t->category($other, 'Cafe');
my ($ALIASES, $MAPPINGS) = map { "PUT /categories/{id}/$_" } qw(aliases mappings);
my ($SUGGEST, $MAP) = map { "GET /categories/$_" } qw(suggest map);

sub aliases
{
    my ($c, @list) = @_;
    return $t->put("/categories/$c->{id}/aliases",
        { data => [ map { { locale => $_->[0], alias => $_->[1] } } @list ] });
}

sub mappings
{
    my ($c, @list) = @_;
    return $t->put("/categories/$c->{id}/mappings",
        { data => [ map { { scheme => $_->[0], code => $_->[1], %{ $_->[2] // {} } } } @list ] });
}

sub found
{
    my ($q, $more) = @_;
    my $r = $t->public("/categories/suggest?q=$q" . ($more // ''));

    return $r->json ? [ map { "$_->{name} $_->{by}" } @{ $r->json->{data} } ] : $r->{raw};
}


# Aliases

my $said = $t->works(aliases($cafe, [ en => ' Coffee shop ' ], [ de => 'Kaffee' ],
    [ en => 'COFFEE  SHOP' ]), $ALIASES, 200);
is_deeply $said->{data}, [ { locale => 'de', alias => 'Kaffee' },
    { locale => 'en', alias => 'Coffee shop' } ], 'each once, however it is written';
is_deeply $t->works($t->get("/categories/$cafe->{id}/aliases"),
    'GET /categories/{id}/aliases', 200), $said, 'and read';
is((map { "@$_" } $p->sql('SELECT type, subject FROM pando.outbox ORDER BY seq DESC LIMIT 1'))[0],
    "taxonomy_category.updated $cafe->{id}", 'an event of it');
is $t->get("/taxonomies/$tree->{id}")->json->{live_version}, 6, 'and no version of the tree';
$t->fails(aliases($cafe, [ en => '  ' ]), $ALIASES, 'alias_blank', '/data');
$t->fails(aliases({ id => $Trees::NOBODY }, [ en => 'x' ]), $ALIASES, 'not_found');
$t->fails(aliases($cafe, [ en => 'x' x 121 ]), $ALIASES, 'invalid', '/data/0/alias');
$t->fails($t->put("/categories/$cafe->{id}/aliases", { data => [] }, 'If-Match' => '"v1"'),
          $ALIASES, 'precondition_failed');
$t->fails($t->get("/categories/$Trees::NOBODY/$_"), "GET /categories/{id}/$_", 'not_found')
    for qw(aliases mappings);
is $t->public("/categories/$cafe->{id}/aliases")->{status}, 401, 'not for everyone';


# Foreign codes

$t->works(mappings($cafe, [ osm => 'amenity=cafe' ], [ schema_org => 'CafeOrCoffeeShop' ]),
    $MAPPINGS, 200);
$t->works(mappings($rest, [ osm => 'amenity=restaurant' ],
    [ osm => 'amenity=cafe', { weight => 0.2 } ], [ nace => '56.1', { direction => 'out' } ]),
    $MAPPINGS, 200);
$t->works($t->get("/categories/$rest->{id}/mappings"), 'GET /categories/{id}/mappings', 200);
$t->fails(mappings({ id => $Trees::NOBODY }), $MAPPINGS, 'not_found');
$t->fails(mappings($cafe, [ myspace => 'x' ]), $MAPPINGS, 'invalid', '/data/0/scheme');
$t->fails(mappings($cafe, [ osm => 'x', { weight => 2 } ]), $MAPPINGS, 'invalid',
          '/data/0/weight');
$t->fails($t->put("/categories/$cafe->{id}/mappings", { data => [] }, 'If-Match' => '"v1"'),
          $MAPPINGS, 'precondition_failed');

my $j = $t->works($t->public('/categories/map?scheme=osm&code=amenity=cafe'), $MAP, 200);
is_deeply [ map { "$_->{name} $_->{weight}" } @{ $j->{data} } ],
    [ "Caf\x{e9} 1", 'Restaurant 0.2' ], 'the heaviest first';
is $j->{data}[0]{breadcrumb}[0]{name}, 'Food', 'with the breadcrumb';
$t->fails($t->public('/categories/map?scheme=nace&code=56.1'), $MAP, 'unmapped', undef,
          'a code that only goes out');
is $p->get('/api/v1/categories/map?scheme=osm&code=amenity=cafe', token => $Trees::OTHER)
    ->{status}, 404, 'of this tenant only';


# Suggestions

my $caf = "Caf\x{e9}";

is_deeply found('caf'), [ "$caf name" ], 'a prefix: neither hidden nor of another tree';
is_deeply found('bar'), [ 'Cocktail bar name' ], 'of any word';
is_deeply found('coffee%20s'), [ "$caf alias" ], 'an alias';
is_deeply found('restorant'), [ 'Restaurant name' ], 'a slip of the hand';
is_deeply found('cofee'), [ "$caf alias" ], 'in an alias, too';
is_deeply found('amenity=r'), [ 'Restaurant mapping' ], 'a foreign code';
is_deeply found('100%25'), [], 'what means something in a pattern means itself';
is_deeply found('kaffeehaus', '&locale=de'), [ 'Kaffeehaus name' ], 'in its language';
is_deeply found('caf', '&taxonomy=other'), [ 'Cafe name' ], 'of the tree asked for';
is_deeply found('xyzzy'), [], 'nothing';

$j = $t->works($t->public('/categories/suggest?q=caf'), $SUGGEST, 200);
is $j->{data}[0]{breadcrumb}[0]{slug}, 'food', 'with the breadcrumb';
$t->fails($t->public('/categories/suggest?q=x&taxonomy=none'), $SUGGEST, 'not_found');
is $t->public('/categories/suggest')->json->{errors}[0]{pointer}, '?q', 'of something';
is $p->get('/api/v1/categories/suggest?q=caf&taxonomy=places', token => $Trees::OTHER)
    ->{status}, 404, 'of this tenant only';

# What was kept in shared memory goes with a change.
aliases($bar, [ en => 'Xyzzy lounge' ]);
is_deeply found('xyzzy'), [ 'Cocktail bar alias' ], 'an alias is found at once';
$t->patch("/categories/$bar->{id}", { status => 'hidden' });
is_deeply found('xyzzy'), [], 'and is not, when it is hidden';

# What is deprecated leads on.
$t->post("/categories/$cafe->{id}/merge", { into_id => $rest->{id} });
is_deeply [ map { "$_->{name} $_->{weight}" }
    @{ $t->public('/categories/map?scheme=osm&code=amenity=cafe')->json->{data} } ],
    [ 'Restaurant 1' ], 'a code of one that was merged';

$t->all_provoked('categories_words.c');
done_testing;
