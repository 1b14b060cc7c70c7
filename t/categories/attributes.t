# What categories ask for: every route, each way it may refuse, and what is
# inherited.

use FindBin;
use lib $FindBin::Bin;
use utf8;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};
my $tree = $t->taxonomy;
my $food = $t->category($tree, 'Food');
my $cafe = $t->category($tree, 'Cafe', parent_id => $food->{id});
my $tea = $t->category($tree, 'Tea house', parent_id => $cafe->{id});
my $stay = $t->category($tree, 'Stay');
my ($LIST, $ADD) = map { "$_ /categories/{id}/attributes" } qw(GET POST);
my ($PATCH, $DELETE) = map { "$_ /category-attributes/{id}" } qw(PATCH DELETE);
my $CHECK = 'POST /categories/validate';

sub add
{
    my ($c, $key, $kind, %set) = @_;
    return $t->post("/categories/$c->{id}/attributes",
                    { key => $key, kind => $kind, name => ucfirst $key, %set });
}

sub change { my ($a, %set) = @_; $t->patch("/category-attributes/$a->{id}", \%set) }

sub options { [ map { { value => $_ } } @_ ] }

sub keys_of
{
    my ($c) = @_;
    return join ' ', map { $_->{key} }
        @{ $t->public("/categories/$c->{id}/attributes")->json->{data} };
}


# Adding, and what is inherited

my $wifi = $t->works(add($food, 'wifi', 'bool', name => { en => 'Wi-Fi', de => 'WLAN' }),
    $ADD, 201);
my $seats = $t->works(add($food, 'seats', 'integer', position => 2, filterable => \1,
    rules => { min => 1, max => 500 }), $ADD, 201);
my $style = $t->works(add($food, 'style', 'enum', position => 1,
    options => [ @{ options(qw(plain fancy)) }, { value => 'odd', name => 'Odd' } ]), $ADD, 201);
my $own = $t->works(add($food, 'licence', 'text', inherit => \0), $ADD, 201);

is "$wifi->{key} $wifi->{kind} $wifi->{version} $wifi->{name}{de}", 'wifi bool 1 WLAN',
    'as it was said';
is $seats->{rules}{max}, 500;
is keys_of($food), 'licence wifi style seats', 'in their order';
is keys_of($tea), 'wifi style seats', 'inherited, but for one that is not';
is keys_of($stay), '', 'and nowhere else';

my $less = $t->works(add($cafe, 'seats', 'integer', rules => { min => 2, max => 60 }), $ADD, 201);

is $t->public("/categories/$tea->{id}/attributes")->json->{data}[-1]{rules}{max}, 60,
    'the deepest of a key wins';
is keys_of($tea), 'wifi style seats', 'by depth, then by position';
is $t->public("/categories/$tea->{id}")->json->{attributes}[2]{category_id}, $cafe->{id},
    'the category says so, too';
is((map { "@$_" } $p->sql('SELECT type, subject FROM pando.outbox ORDER BY seq DESC LIMIT 1'))[0],
    "category_attribute.changed $less->{id}", 'an event of it');
$t->works($t->public("/categories/$tea->{id}/attributes"), $LIST, 200);
$t->fails($t->public("/categories/$Trees::NOBODY/attributes"), $LIST, 'not_found');

my $hidden = $t->category($tree, 'Hidden', status => 'hidden');
is $t->public("/categories/$hidden->{id}/attributes")->{status}, 404, 'a hidden one asks nobody';
is $t->get("/categories/$hidden->{id}/attributes")->{status}, 200;


# Refused, at its pointer

my @bad = (
    [ [ 'wifi', 'bool' ], 'attribute_taken', '/key' ],
    [ [ 'a', 'bool', rules => { min => 1 } ], 'rules_misplaced', '/rules' ],
    [ [ 'a', 'integer', rules => { min => 5, max => 4 } ], 'rules_reversed', '/rules/max' ],
    [ [ 'a', 'text', rules => { pattern => '(' } ], 'pattern_malformed', '/rules/pattern' ],
    [ [ 'a', 'decimal', unit => 'stone' ], 'unit_unknown', '/unit' ],
    [ [ 'a', 'text', unit => 'm' ], 'unit_misplaced', '/unit' ],
    [ [ 'a', 'enum' ], 'options_misplaced', '/options' ],
    [ [ 'a', 'enum', options => options(qw(x x)) ], 'option_twice', '/options' ],
    [ [ 'a', 'bool', options => options('x') ], 'options_misplaced', '/options' ],
    [ [ 'a', 'enum', options => [ {} ] ], 'invalid', '/options/0/value' ],
    [ [ 'A b', 'bool' ], 'invalid', '/key' ],
    [ [ 'a', 'colour' ], 'invalid', '/kind' ],
    [ [ 'a', 'bool', name => '' ], 'invalid', '/name' ],
    [ [ 'a', 'integer', rules => { least => 1 } ], 'invalid', '/rules/least' ],
    [ [ 'a', 'integer', rules => { min => 'x' } ], 'invalid', '/rules/min' ],
);

$t->fails(add($food, @{ $_->[0] }), $ADD, @$_[1, 2]) for @bad;
$t->fails(add({ id => $Trees::NOBODY }, 'a', 'bool'), $ADD, 'not_found');

# Proof 5: looser than above.
my @loose = (
    [ [ 'seats', 'integer', rules => { min => 2, max => 61 } ], '/rules/max' ],
    [ [ 'seats', 'integer', rules => { max => 60 } ], '/rules/min' ],
    [ [ 'seats', 'decimal', rules => { min => 2, max => 60 } ], '/kind' ],
    [ [ 'style', 'enum', options => options(qw(plain loud)) ], '/options' ],
    [ [ 'wifi', 'enum', options => options('x') ], '/kind' ],
);
my $before = $p->sql('SELECT count(*) FROM categories.category_attributes');

$t->fails(add($tea, @{ $_->[0] }), $ADD, 'attribute_loosened', $_->[1]) for @loose;
is $p->sql('SELECT count(*) FROM categories.category_attributes'), $before, 'nothing is written';
$t->works(add($tea, 'style', 'enum', options => options('fancy')), $ADD, 201);
$t->works(add($tea, 'licence', 'bool'), $ADD, 201, 'what is not inherited binds nobody');

my $late = $t->works(add($cafe, 'terrace', 'bool'), $ADD, 201);
$t->fails(add($food, 'terrace', 'integer'), $ADD, 'attribute_looser_below', '/kind');
$t->works(add($food, 'terrace', 'integer', inherit => \0), $ADD, 201);

# A move brings what is asked for elsewhere.
my $MOVE = 'POST /categories/{id}/move';
$t->works(add($stay, 'wifi', 'enum', options => options(qw(free paid))), $ADD, 201);
my $bar = $t->category($tree, 'Bar', parent_id => $food->{id});
$t->works(add($bar, 'wifi', 'bool'), $ADD, 201);
$t->fails($t->post("/categories/$bar->{id}/move", { parent_id => $stay->{id} }), $MOVE,
          'attribute_loosened', '/parent_id');
$t->works($t->post("/categories/$tea->{id}/move", { parent_id => $stay->{id} }), $MOVE, 200);
$t->works($t->post("/categories/$tea->{id}/move", { parent_id => $cafe->{id} }), $MOVE, 200);


# Changing

my $new = $t->works(change($seats, name => 'Places', rules => { max => 400 }), $PATCH, 200);
is_deeply $new->{rules}, { min => 1, max => 400 }, 'a merge patch goes into the rules';
is "$new->{name} $new->{version} $new->{filterable}", 'Places 2 1', 'the rest stays';
is_deeply $t->works(change($seats, rules => { max => undef }), $PATCH, 200)->{rules},
    { min => 1 }, 'null takes a rule away';
$t->works(change($own, kind => 'integer', unit => 'm2'), $PATCH, 200, 'another kind');
is change($own, unit => undef)->json->{unit}, undef;

$t->fails(change($seats, rules => { max => 50 }), $PATCH, 'attribute_looser_below', '/rules/max');
$t->fails(change($less, rules => { min => 0 }), $PATCH, 'attribute_loosened', '/rules/min');
$t->fails(change($seats, key => 'x'), $PATCH, 'invalid', '/key', 'the key stays');
$t->fails(change($seats, unit => 'x'), $PATCH, 'unit_unknown', '/unit');
$t->fails(change($seats, rules => { pattern => 'x' }), $PATCH, 'rules_misplaced', '/rules');
$t->fails(change($seats, rules => { min => 9, max => 8 }), $PATCH, 'rules_reversed',
          '/rules/max');
$t->fails(change($own, kind => 'text', unit => 'm'), $PATCH, 'unit_misplaced', '/unit');
$t->fails(change($own, kind => 'text', rules => { pattern => '[' }), $PATCH,
          'pattern_malformed', '/rules/pattern');
$t->fails(change($own, options => options('x')), $PATCH, 'options_misplaced', '/options');
$t->fails(change($style, options => options(qw(x x))), $PATCH, 'option_twice', '/options');
$t->fails(change({ id => $Trees::NOBODY }, position => 1), $PATCH, 'not_found');
$t->fails($t->patch("/category-attributes/$seats->{id}", { position => 1 },
                    'If-Match' => '"v99"'), $PATCH, 'precondition_failed');

# Once there are values.
$p->sql("UPDATE categories.category_attributes SET used = true, used_options = '{fancy}'
         WHERE id = ?", $style->{id});
$t->fails(change($style, options => options('plain')), $PATCH, 'attribute_in_use', '/options',
          'an option that was chosen stays');
$t->works(change($style, options => [ { value => 'fancy', retired => \1 }, { value => 'plain' } ]),
          $PATCH, 200, 'and may be retired; others may go');
$p->sql('UPDATE categories.category_attributes SET used = true WHERE id = ?', $own->{id});
$t->fails(change($own, kind => 'decimal'), $PATCH, 'attribute_in_use', '/kind');
$t->fails(change($own, unit => 'm2'), $PATCH, 'attribute_in_use', '/unit');
$t->works(change($own, name => 'Permit'), $PATCH, 200);

$t->fails($t->delete("/category-attributes/$own->{id}"), $DELETE, 'attribute_in_use');
$t->fails($t->delete("/category-attributes/$Trees::NOBODY"), $DELETE, 'not_found');
$t->fails($t->delete("/category-attributes/$late->{id}", 'If-Match' => '"v9"'), $DELETE,
          'precondition_failed');
$t->works($t->delete("/category-attributes/$late->{id}"), $DELETE, 204);
is $p->sql("SELECT data ->> 'removed' FROM pando.outbox ORDER BY seq DESC LIMIT 1"), 'true',
    'an event of it';
is $p->get("/api/v1/categories/$food->{id}/attributes", token => $Trees::OTHER)->{status}, 404,
    'another tenant sees nothing';


# Values

sub check
{
    my ($c, $values) = @_;
    return $t->post('/categories/validate', { category_id => $c->{id}, values => $values });
}

my $said = $t->works(check($cafe, { wifi => \1, seats => 20, style => 'plain' }), $CHECK, 200);
is $said->{verdict}, 'fits', 'what fits';
is_deeply $said->{errors}, [];
is $said->{values}{seats}, 20;

$said = $t->works(check($cafe, { seats => 1, style => 'fancy', pool => \1 }), $CHECK, 200);
is $said->{verdict}, 'fits_not', 'what does not';
is_deeply [ map { "$_->{pointer} $_->{code}" } @{ $said->{errors} } ],
    [ '/values/style option_retired', '/values/seats too_small',
      '/values/pool attribute_unknown' ], 'all that is wrong at once';

$t->fails(check({ id => $Trees::NOBODY }, {}), $CHECK, 'category_unknown', '/category_id');
$t->fails(check($cafe, []), $CHECK, 'values_malformed', '/values');

# Proof 6: a deprecated category, with its replacement.
my $old = $t->category($tree, 'Old');
$t->post("/categories/$old->{id}/merge", { into_id => $stay->{id} });
my $j = $t->fails(check($old, {}), $CHECK, 'category_deprecated', '/category_id');
is $j->{replaced_by}, $stay->{id}, 'the replacement is named';

my $leaves = $t->taxonomy(leaf_only => \1);
my $top = $t->category($leaves, 'Top');
my $leaf = $t->category($leaves, 'Leaf', parent_id => $top->{id});
$t->fails(check($top, {}), $CHECK, 'category_not_leaf', '/category_id');
is check($leaf, {})->json->{verdict}, 'fits';
is $p->post('/api/v1/categories/validate', { category_id => $leaf->{id}, values => {} },
            token => $Trees::OTHER)->json->{code}, 'category_unknown', 'of this tenant only';

$t->all_provoked(qw(categories_attributes.c categories_validate.c));
done_testing;
