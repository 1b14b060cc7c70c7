# Changing the tree: every route, and each way it may refuse.

use FindBin;
use lib $FindBin::Bin;
use utf8;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};
my $tree = $t->taxonomy(max_depth => 3);
my $else = $t->taxonomy;
my ($ADD, $PATCH, $PUT, $DELETE) =
    ('POST /categories', map { "$_ /categories/{id}" } qw(PATCH PUT DELETE));
my ($MOVE, $MERGE) = map { "POST /categories/{id}/$_" } qw(move merge);

sub add
{
    my ($name, %set) = @_;
    return $t->post('/categories', { taxonomy_id => $tree->{id}, name => $name, %set });
}

sub events
{
    return map { "@$_" } $p->sql('SELECT type, subject FROM pando.outbox ORDER BY seq');
}


# Adding

my $food = $t->works(add({ en => ' Food ', de => 'Essen' }, plural => 'Foods',
    description => { de => 'Alles' }, color => '#ff0000', icon_media_id => $Trees::NOBODY),
    $ADD, 201);

is "$food->{name} $food->{slug} $food->{plural}", 'Food food Foods', 'as it was said';
is $food->{version}, 1;
is $food->{parent_id}, undef, 'at the top';
is $t->get("/categories/$food->{id}?locale=de")->json->{description}, 'Alles',
    'a text of a language';

my $cafe = $t->works(add('Café', parent_id => $food->{id}), $ADD, 201);
my $bar = $t->works(add('Bar', parent_id => $food->{id}, after_id => undef), $ADD, 201);
my $pub = $t->works(add('Pub', parent_id => $food->{id}, after_id => $bar->{id}), $ADD, 201);
my $stay = $t->works(add('Stay'), $ADD, 201);

is $cafe->{slug}, 'cafe', 'a slug without accents';
is_deeply $t->names($tree), [ 'Food', [ qw(Bar Pub Café) ], 'Stay' ],
    'last, first, and behind another';
is add('Other', parent_id => $food->{id})->json->{slug}, 'other';
is add('Other', parent_id => $stay->{id})->json->{slug}, 'other-2',
    'a slug that was made of a name gives way';
is add('Other!')->json->{slug}, 'other-3', 'again and again';
is_deeply [ events() ]->[0], "taxonomy_category.created $food->{id}", 'an event of it';
is $p->sql('SELECT count(*) FROM categories.taxonomy_changes WHERE taxonomy_id = ?
            AND actor = ?', $tree->{id}, $Pando::Token::USER), 8, 'the journal has all';
is $t->get("/taxonomies/$tree->{id}")->json->{live_version}, 9, 'one version each';

my $deep = $t->works(add('Lungo', parent_id => $cafe->{id}), $ADD, 201);
my $gone = $t->works(add('Gone', status => 'deprecated'), $ADD, 201);
my $foreign = $t->category($else, 'Foreign');

$t->fails(add('X', slug => 'food'), $ADD, 'slug_taken', '/slug', 'a sibling has it');
$t->fails(add('X', slug => 'cafe'), $ADD, 'slug_taken', '/slug', 'another has it');
$t->fails(add('X', slugs => { en => 'x' }), $ADD, 'slug_english', '/slugs');
$t->fails(add('X', slugs => 'x'), $ADD, 'slug_english', '/slugs');
$t->fails(add('X', slugs => { de => 'Ä b' }), $ADD, 'slug_malformed', '/slugs');
$t->fails(add('Кафе'), $ADD, 'slug_needed', '/slug');
$t->fails(add('FOOD', slug => 'food2'), $ADD, 'name_taken', '/name', 'in other letters');
$t->fails(add("F\x{f3}\x{f6}d", slug => 'food2'), $ADD, 'name_taken', '/name', 'accents');
$t->fails(add("\x{ff26}ood", slug => 'food2'), $ADD, 'name_taken', '/name', 'wide letters');
$t->fails(add({ en => 'X', de => 'ESSEN' }), $ADD, 'name_taken', '/name', 'one language');
$t->fails(add("Stay  ", slug => 'stay2'), $ADD, 'name_taken', '/name', 'blanks around');
$t->fails(add('  ', slug => 'blank'), $ADD, 'name_blank', '/name');
$t->fails(add({ de => 'X' }, plural => { ru => 'Х' }, slug => 'x'), $ADD, 'name_needed',
          '/name');
$t->fails(add('X', parent_id => $deep->{id}), $ADD, 'too_deep', '/parent_id');
$t->fails(add('X', taxonomy_id => $Trees::NOBODY), $ADD, 'taxonomy_unknown', '/taxonomy_id');
$t->fails(add('X', parent_id => $Trees::NOBODY), $ADD, 'parent_unknown', '/parent_id');
$t->fails(add('X', parent_id => $foreign->{id}), $ADD, 'parent_unknown', '/parent_id');
$t->fails(add('X', after_id => $Trees::NOBODY), $ADD, 'sibling_unknown', '/after_id');
$t->fails(add('X', after_id => $bar->{id}), $ADD, 'sibling_unknown', '/after_id',
          'it has another parent');
$t->fails(add('X', after_id => $foreign->{id}), $ADD, 'sibling_unknown', '/after_id');
$t->fails(add('X', parent_id => $gone->{id}), $ADD, 'category_deprecated', '/parent_id');
$t->fails($t->post('/categories?version=draft', { taxonomy_id => $tree->{id}, name => 'X' }),
          $ADD, 'draft_missing');

for my $bad ([ { name => {} }, '/name' ], [ { name => '' }, '/name' ],
    [ { name => 'x' x 121 }, '/name' ], [ { slug => 'No Slug' }, '/slug' ],
    [ { color => 'red' }, '/color' ], [ { status => 'new' }, '/status' ],
    [ { parent_id => 'x' }, '/parent_id' ], [ { position => 'A' }, '/position' ],
    [ { tenant_id => $Trees::NOBODY }, '/tenant_id' ], [ { path => 'a' }, '/path' ],
    [ { replaced_by => $food->{id} }, '/replaced_by' ], [ { version => 9 }, '/version' ])
{
    $t->fails(add('X', %{ $bad->[0] }), $ADD, 'invalid', $bad->[1], "refused at $bad->[1]");
}

is scalar(events()), 11, 'nothing refused left an event';


# Changing

my $at = "/categories/$food->{id}";
my $new = $t->works($t->patch($at, { name => 'Eat', color => undef }), $PATCH, 200);

is "$new->{name} $new->{slug} $new->{version} $new->{plural}", 'Eat food 2 Foods',
    'what was sent is changed, the rest stays';
is_deeply $new->{names}, { en => 'Eat', de => 'Essen' }, 'so do the other languages';
is $new->{color}, undef, 'null takes a value away';
is $t->patch($at, { plural => undef })->json->{plural}, undef;
is $t->get("$at?locale=de")->json->{description}, 'Alles', 'what was not sent is there';
is $t->patch($at, { description => { en => 'All' } })->json->{description}, 'All';
is $t->get("$at?locale=de")->json->{description}, 'Alles', 'and in the other language';
$t->patch($at, { description => undef });
is $t->get("$at?locale=de")->json->{description}, undef, 'null takes all of them away';
is $t->patch($at, { icon_media_id => undef })->json->{icon_media_id}, undef;
is((events())[-1], "taxonomy_category.updated $food->{id}", 'an event of it');
is $t->patch($at, { name => 'Food' }, 'If-Match' => $t->get($at)->header('ETag'))->{status},
    200, 'with the tag in hand';

for my $member (qw(name slug status)) {
    $t->fails($t->patch($at, { $member => undef }), $PATCH, 'invalid', "/$member",
              "$member cannot be taken away");
}

for my $member (qw(taxonomy_id parent_id after_id)) {
    $t->fails($t->patch($at, { $member => $stay->{id} }), $PATCH, 'invalid', "/$member",
              "$member is not changed so");
}

my %refused = (slug => [ 'stay', 'slug_taken', '/slug' ],
    slugs => [ { en => 'x' }, 'slug_english', '/slugs' ],
    name => [ 'STAY', 'name_taken', '/name' ],
    plural => [ { ru => 'x' }, 'name_needed', '/name' ]);

for my $member (sort keys %refused) {
    my ($value, $code, $pointer) = @{ $refused{$member} };

    for my $verb ('patch', 'put') {
        $t->fails($t->$verb($at, { name => 'Food', $member => $value }),
                  uc($verb) . ' /categories/{id}', $code, $pointer);
    }
}

for my $verb ('patch', 'put') {
    my $route = uc($verb) . ' /categories/{id}';
    my $try = sub { $t->$verb($_[0], { name => 'Bar', @_[1 .. $#_] }) };
    my $bar_at = "/categories/$bar->{id}";

    $t->fails($try->($bar_at, slug => 'stay'), $route, 'slug_taken', '/slug');
    $t->fails($try->($bar_at, slug => 'pub'), $route, 'slug_taken', '/slug');
    $t->fails($try->($bar_at, slugs => { de => '-' }), $route, 'slug_malformed', '/slugs');
    $t->fails($try->($bar_at, name => ' '), $route, 'name_blank', '/name');
    $t->fails($try->($bar_at, replaced_by => $pub->{id}), $route, 'category_replaced',
              '/replaced_by');

    my @gone = (status => 'deprecated');
    $t->fails($try->($bar_at, @gone, replaced_by => $Trees::NOBODY), $route,
              'category_unknown', '/replaced_by');
    $t->fails($try->($bar_at, @gone, replaced_by => $foreign->{id}), $route,
              'different_taxonomy', '/replaced_by');
    $t->fails($try->($bar_at, @gone, replaced_by => $bar->{id}), $route,
              'replaced_by_itself', '/replaced_by');
    $t->fails($t->$verb($at, { name => 'Food', @gone, replaced_by => $cafe->{id} }),
              $route, 'replaced_by_itself', '/replaced_by');
    $t->fails($try->($bar_at, @gone, replaced_by => $gone->{id}), $route,
              'category_deprecated', '/replaced_by');
    $t->fails($try->("/categories/$gone->{id}", name => 'Gone', status => 'hidden'),
              $route, 'illegal_transition', '/status');
    $t->fails($try->("/categories/$Trees::NOBODY"), $route, 'not_found');
    is $try->("$bar_at?version=draft")->{status}, 404, "$route: there is no draft";

    my $r = $p->$verb("/api/v1$bar_at", { name => 'Bar' }, token => $t->{token},
                      'If-Match' => '"v99"');
    $t->fails($r, $route, 'precondition_failed');
}


# Replacing whole

$t->patch($at, { slugs => { de => 'essen', ru => 'eda' }, color => '#00ff00',
                 description => 'x', icon_media_id => $Trees::NOBODY });
$new = $t->works($t->put($at, { name => { en => 'Food', fr => 'Manger' } }), $PUT, 200);
is_deeply $new->{names}, { en => 'Food', fr => 'Manger' }, 'the names that came';
is_deeply $new->{slugs}, { en => 'food' }, 'no other slugs, but its address';
is "@{[ map { $_ // 'none' } @$new{qw(color description icon_media_id status)} ]}",
    'none none none active', 'what did not come is gone';
is $t->public('/categories/by-slug/essen?locale=de')->{status}, 301,
    'an address of before leads on';
is $t->put($at, { name => 'Food', status => 'hidden' })->json->{status}, 'hidden';
$t->fails($t->put($at, { slug => 'food' }), $PUT, 'invalid', '/name');
$t->put($at, { name => 'Food' });


# Deprecated, with a replacement and back

my $wine = $t->category($tree, 'Wine', parent_id => $food->{id}, slugs => { de => 'wein' });
my $beer = $t->category($tree, 'Beer', parent_id => $food->{id});
my $wine_at = "/categories/$wine->{id}";

$t->patch($wine_at, { status => 'deprecated', replaced_by => $beer->{id} });
is((events())[-1], "taxonomy_category.deprecated $wine->{id}", 'an event of it');
is $t->public($wine_at)->header('Location') =~ s{.*/}{}r, $beer->{id}, 'it leads on';
is $t->public($wine_at)->{status}, 308;
like $t->public('/categories/by-slug/wine')->header('Location'), qr{/by-slug/beer\?},
    'its slug, too';
like $t->public('/categories/by-slug/wein?locale=de')->header('Location'),
    qr{/by-slug/beer\?}, 'in each language';

my $again = $t->category($tree, 'Wine', parent_id => $food->{id}, slug => 'wine');
is $again->{slug}, 'wine', 'its name and slug are free';
$t->fails($t->patch($wine_at, { status => 'active' }), $PATCH, 'category_replaced',
          '/replaced_by', 'it does not come back while it is replaced');
$t->fails($t->patch($wine_at, { status => 'active', replaced_by => undef }), $PATCH,
          'slug_taken', '/slug', 'nor while its slug is taken');
$t->fails($t->patch($wine_at, { status => 'active', replaced_by => undef, slug => 'vino' }),
          $PATCH, 'name_taken', '/name', 'nor while its name is');
is $t->patch($wine_at, { status => 'active', replaced_by => undef, slug => 'vino',
                         name => 'Vino' })->json->{status}, 'active', 'but then it does';
is $t->public('/categories/by-slug/vino')->json->{id}, $wine->{id}, 'with a new address';

# A, replaced by B, which is replaced by C: A is replaced by C.
$t->patch("/categories/$again->{id}", { status => 'deprecated', replaced_by => $wine->{id} });
$t->patch($wine_at, { status => 'deprecated', replaced_by => $beer->{id} });
is $p->sql('SELECT replaced_by FROM categories.categories WHERE id = ?', $again->{id}),
    $beer->{id}, 'one hop, not two';


# Moving

sub move { my ($c, %to) = @_; return $t->post("/categories/$c->{id}/move", \%to) }

$new = $t->works(move($cafe, parent_id => $stay->{id}), $MOVE, 200);
is_deeply $new->{breadcrumb}[0]{id}, $stay->{id}, 'to another parent';
is_deeply $t->names($tree, "&root=$stay->{id}"), [ 'Other', 'Café', [ 'Lungo' ] ],
    'with all that is below it';
is((events())[-1], "taxonomy_category.moved $cafe->{id}", 'an event of it');
$t->works(move($cafe, parent_id => $food->{id}, after_id => $bar->{id}), $MOVE, 200);
is_deeply $t->names($tree, "&root=$food->{id}&depth=1"),
    [ qw(Bar Café Pub Other Vino Beer Wine) ], 'behind a sibling';
$t->works(move($cafe, parent_id => $food->{id}), $MOVE, 200);
$t->works(move($pub, parent_id => $food->{id}, after_id => undef), $MOVE, 200);
is_deeply $t->names($tree, "&root=$food->{id}&depth=1"),
    [ qw(Pub Bar Other Vino Beer Wine Café) ], 'to the end and to the front';
$t->works(move($cafe, parent_id => undef), $MOVE, 200, 'to the top');
is $t->get("/categories/$cafe->{id}")->json->{depth}, 1;

$t->fails(move($cafe, parent_id => $deep->{id}), $MOVE, 'category_cycle', '/parent_id');
$t->fails(move($cafe, parent_id => $cafe->{id}), $MOVE, 'category_cycle', '/parent_id');
$t->fails(move($cafe, parent_id => $bar->{id}), $MOVE, 'too_deep', '/parent_id');
$t->fails(move($cafe, parent_id => $Trees::NOBODY), $MOVE, 'parent_unknown', '/parent_id');
$t->fails(move($cafe, parent_id => $foreign->{id}), $MOVE, 'parent_unknown', '/parent_id');
$t->fails(move($cafe, parent_id => $gone->{id}), $MOVE, 'category_deprecated', '/parent_id');
$t->fails(move($cafe, parent_id => $food->{id}, after_id => $stay->{id}), $MOVE,
          'sibling_unknown', '/after_id');
$t->fails(move({ id => $Trees::NOBODY }, parent_id => undef), $MOVE, 'not_found');
$t->fails(move($cafe), $MOVE, 'invalid', '/parent_id');
$t->fails($t->post("/categories/$cafe->{id}/move", { parent_id => undef },
                   'If-Match' => '"v1"'), $MOVE, 'precondition_failed');

my $there = $t->category($tree, 'CAFE', parent_id => $food->{id}, slug => 'coffee');
$t->fails(move($cafe, parent_id => $food->{id}), $MOVE, 'name_taken', '/parent_id');
$p->sql("UPDATE categories.categories SET slug = 'cafe' WHERE id = ?", $there->{id});
$t->fails(move($cafe, parent_id => $food->{id}), $MOVE, 'slug_taken', '/parent_id');
$t->sound;

for my $ask ([ $cafe, 'bool' ], [ $stay, 'text' ]) {
    $t->post("/categories/$ask->[0]{id}/attributes", { key => 'x', name => 'X',
                                                       kind => $ask->[1] });
}
$t->fails(move($cafe, parent_id => $stay->{id}), $MOVE, 'attribute_loosened', '/parent_id');


# Merging

sub merge { my ($c, $into) = @_; return $t->post("/categories/$c->{id}/merge",
                                                 { into_id => $into->{id} }) }

$t->fails(merge($cafe, $bar), $MERGE, 'category_not_empty');
$t->fails(merge($bar, { id => $Trees::NOBODY }), $MERGE, 'category_unknown', '/into_id');
$t->fails(merge($bar, $foreign), $MERGE, 'different_taxonomy', '/into_id');
$t->fails(merge($bar, $bar), $MERGE, 'merge_into_itself', '/into_id');
$t->fails(merge($cafe, $deep), $MERGE, 'merge_into_itself', '/into_id');
$t->fails(merge($bar, $gone), $MERGE, 'category_deprecated', '/into_id');
$t->fails(merge({ id => $Trees::NOBODY }, $bar), $MERGE, 'not_found');
$t->fails($t->post("/categories/$bar->{id}/merge", { into_id => $pub->{id} },
                   'If-Match' => '"v99"'), $MERGE, 'precondition_failed');

my $merged = $t->works(merge($bar, $pub), $MERGE, 200);
is "$merged->{status} $merged->{replaced_by}", "deprecated $pub->{id}", 'it leads on';
is((events())[-1], "taxonomy_category.merged $bar->{id}", 'an event of it');
is $t->public("/categories/$bar->{id}")->{status}, 308;
like $t->public('/categories/by-slug/bar')->header('Location'), qr{/by-slug/pub\?};
$t->fails(merge($bar, $food), $MERGE, 'category_replaced');
is merge($gone, $pub)->{status}, 200, 'what was deprecated can still be merged';
$t->works(merge($pub, $beer), $MERGE, 200);
is_deeply [ $p->sql('SELECT DISTINCT replaced_by FROM categories.categories
                     WHERE id = ANY (?)', [ map { $_->{id} } $bar, $pub, $gone ]) ],
    [ [ $beer->{id} ] ], 'chains are flat';
like $t->public('/categories/by-slug/bar')->header('Location'), qr{/by-slug/beer\?},
    'and so are those of slugs';
is $p->post("/api/v1/categories/$deep->{id}/merge", { into_id => $pub->{id} },
            token => { scope => 'categories:write' })->{status}, 403, 'merging is for admins';


# Removing

$t->fails($t->delete("/categories/$cafe->{id}"), $DELETE, 'category_not_empty');
$t->fails($t->delete("/categories/$beer->{id}"), $DELETE, 'category_not_empty', undef,
          'another leads there');
$t->fails($t->delete("/categories/$deep->{id}", 'If-Match' => '"v7"'), $DELETE,
          'precondition_failed');
$t->works($t->delete("/categories/$deep->{id}"), $DELETE, 204);
$t->fails($t->delete("/categories/$deep->{id}"), $DELETE, 'not_found');
$t->works($t->delete("/categories/$cafe->{id}"), $DELETE, 204, 'empty now');

my $shop = $t->category($tree, 'Shop');
$p->sql("INSERT INTO categories.category_counts (tenant_id, category_id, subject_type, own,
         total) VALUES (?, ?, 'place', 1, 1)", $Pando::Token::TENANT, $shop->{id});
$t->fails($t->delete("/categories/$shop->{id}"), $DELETE, 'category_not_empty', undef,
          'it holds a subject');


# Who may, and a key that comes twice

is $p->post('/api/v1/categories', { name => 'X' },
            token => { scope => 'categories:read' })->{status}, 403, 'who reads cannot write';

my @twice = map { $t->post('/categories', { taxonomy_id => $tree->{id}, name => 'Once' },
                           'Idempotency-Key' => 'k1') } 1, 2;
is $twice[0]{body}, $twice[1]{body}, 'the same answer';
is $p->sql("SELECT count(*) FROM categories.category_names WHERE name = 'Once'"), 1,
    'to one effect';

$t->sound;
$t->all_provoked(map { "categories_$_.c" } qw(edit change move));
done_testing;
