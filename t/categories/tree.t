# Reading the tree: whole, in part, flat, by id, by slug; and who sees what.

use FindBin;
use lib $FindBin::Bin;
use utf8;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};
my $places = $t->taxonomy(key => 'places');
my $other = $t->taxonomy(key => 'second');

my %c;
my @made = ([ Food => undef ], [ Cafe => 'Food' ], [ Tea => 'Cafe' ], [ Bar => 'Food' ],
    [ Stay => undef ], [ Hotel => 'Stay', 'hidden' ], [ Suite => 'Hotel' ],
    [ Old => undef, 'deprecated' ]);

for (@made) {
    my ($name, $parent, $status) = @$_;
    $c{$name} = $t->category($places, $name, status => $status // 'active',
        parent_id => $parent && $c{$parent}{id});
}

my $GET = 'GET /categories';
my $DETAIL = 'GET /categories/{id}';


# The document

my $r = $t->public('/categories?taxonomy=places');
my $tree = $t->works($r, $GET, 200, 'a tree by its key');

is $tree->{taxonomy_id}, $places->{id};
is $tree->{version}, 1 + @made, 'a version for each change';
is_deeply Trees::named($tree->{tree}), [ 'Food', [ 'Cafe', [ 'Tea' ], 'Bar' ], 'Stay' ],
    'in order, without what is hidden or deprecated';
is_deeply $t->public('/categories')->json, $tree,
    'without a taxonomy it is the first one';
is_deeply $t->public("/categories?taxonomy=$places->{id}")->json, $tree, 'by its id';
is_deeply $t->names($places), [ 'Food', [ 'Cafe', [ 'Tea' ], 'Bar' ], 'Stay',
    [ 'Hotel', [ 'Suite' ] ], 'Old' ], 'all of it for who may read';
is_deeply $t->names($places, '&depth=1'), [ qw(Food Stay Old) ], 'one level';
is_deeply $t->names($places, '&depth=2'),
    [ 'Food', [ qw(Cafe Bar) ], 'Stay', [ 'Hotel' ], 'Old' ], 'two';
is_deeply $t->names($places, "&root=$c{Food}{id}"), [ 'Cafe', [ 'Tea' ], 'Bar' ],
    'what is below a category';
is_deeply $t->names($places, "&root=$c{Tea}{id}"), [], 'below a leaf is nothing';
is_deeply $t->names($other), [], 'an empty tree';
is_deeply $tree->{tree}[0]{counts}, undef, 'no counts unless asked for';
is_deeply $t->public('/categories?with_counts=true')->json->{tree}[0]{counts}, {},
    'counts';

$t->fails($t->get('/categories?taxonomy=none'), $GET, 'not_found');
for my $q ("taxonomy=$Trees::NOBODY", "taxonomy=second&root=$c{Food}{id}",
           "root=$Trees::NOBODY")
{
    is $t->get("/categories?$q")->{status}, 404, "404: $q";
    is $t->get("/categories?flat=true&$q")->{status}, 404, "404, flat: $q";
}

is $t->public("/categories?root=$c{Hotel}{id}")->{status}, 404,
    'below what is hidden nobody looks';
is $t->public("/categories?flat=true&root=$c{Suite}{id}")->{status}, 404;

for my $q (qw(depth=0 depth=13 root=x locale=nonsense flat=maybe tree=1 version=none)) {
    is $t->public("/categories?$q")->{status}, 422, "refused: $q";
}


# Flat

my $flat = sub { [ map { $_->{name} } @{ $_[0]->json->{data} } ] };

$r = $t->get('/categories?flat=true');
$t->works($r, $GET, 200, 'a flat page');
is_deeply $flat->($r), [ map { $_->[0] } @made ], 'all, as they were added';
is_deeply $flat->($t->public('/categories?flat=true')), [ qw(Food Cafe Tea Bar Stay) ],
    'what stands below something hidden is not shown';
is_deeply $flat->($t->get("/categories?flat=true&root=$c{Food}{id}")),
    [ qw(Food Cafe Tea Bar) ], 'a subtree';

my ($cursor, @all) = '';
do {
    my $j = $t->get("/categories?flat=true&limit=3$cursor")->json;
    push @all, map { $_->{name} } @{ $j->{data} };
    $cursor = $j->{next} ? "&cursor=$j->{next}" : undef;
} while $cursor;
is_deeply \@all, [ map { $_->[0] } @made ], 'page by page: each one once';


# One category

my $cafe = $t->works($t->public("/categories/$c{Cafe}{id}"), $DETAIL, 200);

is_deeply [ map { "$_->{name} $_->{slug}" } @{ $cafe->{breadcrumb} } ], [ 'Food food' ],
    'its breadcrumb';
is_deeply [ map { $_->{name} } @{ $cafe->{children} } ], [ 'Tea' ], 'its children';
is_deeply $cafe->{names}, { en => 'Cafe' };
is_deeply $cafe->{slugs}, { en => 'cafe' };
is $cafe->{depth}, 2;
is_deeply $t->public("/categories/$c{Tea}{id}")->json->{breadcrumb}[0]{name}, 'Food',
    'from the top';

$t->fails($t->public("/categories/$Trees::NOBODY"), $DETAIL, 'not_found');
is $t->public('/categories/x')->{status}, 404, 'no id';

for my $hidden (qw(Hotel Suite Old)) {
    for my $path ('', '/subcategories', '/ancestors') {
        is $t->public("/categories/$c{$hidden}{id}$path")->{status}, 404,
            "$hidden$path is not there for all";
        is $t->get("/categories/$c{$hidden}{id}$path")->{status}, 200,
            'but for who may read';
    }
}

$r = $t->public("/categories/$c{Food}{id}/subcategories");
$t->works($r, 'GET /categories/{id}/subcategories', 200);
is_deeply $flat->($r), [ qw(Cafe Bar) ], 'the children in order';
$r = $t->public("/categories/$c{Food}{id}/subcategories?limit=1");
is_deeply $flat->($t->public("/categories/$c{Food}{id}/subcategories?limit=1&cursor="
    . $r->json->{next})), [ 'Bar' ], 'page by page';
$t->fails($t->public("/categories/$Trees::NOBODY/subcategories"),
    'GET /categories/{id}/subcategories', 'not_found');

$r = $t->public("/categories/$c{Tea}{id}/ancestors");
is_deeply $flat->($r), [ qw(Food Cafe) ], 'the ancestors from the top';
$t->works($r, 'GET /categories/{id}/ancestors', 200);
$t->fails($t->public("/categories/$Trees::NOBODY/ancestors"),
    'GET /categories/{id}/ancestors', 'not_found');


# By slug

my $SLUG = 'GET /categories/by-slug/{slug}';

$r = $t->public('/categories/by-slug/cafe?taxonomy=places');
is $t->works($r, $SLUG, 200)->{id}, $c{Cafe}{id};
is $t->public('/categories/by-slug/cafe')->json->{id}, $c{Cafe}{id},
    'of the first taxonomy';
$t->fails($t->public('/categories/by-slug/cafe?taxonomy=second'), $SLUG, 'not_found');
is $t->public('/categories/by-slug/hotel')->{status}, 404, 'a hidden one is not found';
is $t->public('/categories/by-slug/suite')->{status}, 404, 'nor what is below it';
is $t->get('/categories/by-slug/hotel')->{status}, 200, 'but by who may read';

$t->patch("/categories/$c{Cafe}{id}", { slug => 'coffee', slugs => { de => 'kaffee' } });
$t->patch("/categories/$c{Cafe}{id}", { slugs => { de => 'kaffeehaus' } });

$r = $t->public('/categories/by-slug/cafe?locale=en');
is $r->{status}, 301, 'an old slug leads on';
like $r->header('Location'),
    qr{/api/v1/categories/by-slug/coffee\?taxonomy=$places->{id}&locale=en$},
    'to the one of today';
is $p->get($r->header('Location') =~ s{^http://[^/]+}{}r)->json->{id}, $c{Cafe}{id},
    'in one hop';
is $t->public('/categories/by-slug/kaffeehaus?locale=de')->{status}, 200,
    'the slug of a language';
is $t->public('/categories/by-slug/kaffeehaus?locale=de-AT')->{status}, 200,
    'and of its countries';
is $t->public('/categories/by-slug/kaffeehaus?locale=fr')->{status}, 404,
    'is of no other';
is $t->public('/categories/by-slug/coffee?locale=de')->{status}, 200,
    'the English one is for all';
like $t->public('/categories/by-slug/kaffee?locale=de')->header('Location'),
    qr/by-slug\/kaffeehaus\?/, 'an old slug of a language leads to its new one';


# Languages

$t->patch("/categories/$c{Bar}{id}", { name => { de => 'Kneipe', 'pt-BR' => 'Boteco' } });

my $bar = sub {
    $t->public("/categories/$c{Bar}{id}$_[0]", @_[1 .. $#_])->json->{name};
};

is $bar->(''), 'Bar', 'English unless asked otherwise';
is $bar->('?locale=de'), 'Kneipe', 'the language asked for';
is $bar->('?locale=de-CH'), 'Kneipe', 'that of the country asked for';
is $bar->('?locale=pt-BR'), 'Boteco';
is $bar->('?locale=fr'), 'Bar', 'English where there is no such name';
is $bar->('', 'Accept-Language' => 'fr;q=0.5, DE-de, en;q=0.8'), 'Kneipe',
    'as the header says, in any case of letters';
is_deeply $t->names($places, "&root=$c{Food}{id}&locale=de&depth=1"),
    [ qw(Cafe Kneipe) ], 'in the tree, too';

my $only = $t->category($other, { ru => 'Кафе', de => 'Kaffeehaus' });
is $only->{slug}, 'kaffeehaus', 'a slug of the first name there is';
is $t->public("/categories/$only->{id}?locale=fr")->json->{name}, 'Kaffeehaus',
    'some name is better than none';


# The draft is not for all, and here is none.

for my $route ('/categories?', "/categories/$c{Cafe}{id}?",
               "/categories/$c{Cafe}{id}/subcategories?",
               "/categories/$c{Cafe}{id}/ancestors?")
{
    my ($path) = $route =~ m{^([^?]+)};
    (my $known = "GET $path") =~ s/\Q$c{Cafe}{id}\E/{id}/;

    $t->fails($t->public("${route}version=draft"), $known, 'unauthorized');
    $t->fails($p->get("/api/v1${route}version=draft", token => { scope => 'x:read' }),
              $known, 'forbidden');
    is $t->get("${route}version=draft")->{status}, 404, "$known: there is no draft";
}

$t->all_provoked('categories_tree.c');
done_testing;
