# Taxonomies: adding, reading, changing, removing.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};


# Adding

my $r = $t->post('/taxonomies', { key => 'places', subject => 'place',
    name => { en => 'Places', de => 'Orte' }, leaf_only => JSON::PP::true });
my $places = $t->works($r, 'POST /taxonomies', 201);

like $places->{id}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'a UUID of version 7';
is_deeply $places->{name}, { en => 'Places', de => 'Orte' }, 'its words';
is "@$places{qw(subject max_depth live_version version)}", 'place 8 1 1',
    'what was not said has its default';
is $places->{draft_version}, undef, 'there is no draft';
ok $places->{leaf_only}, 'leaves only';
is $r->header('ETag'), '"v1"', 'the tag is the version';

$t->fails($t->post('/taxonomies', { key => 'places', subject => 'event',
    name => 'Again' }), 'POST /taxonomies', 'taxonomy_key_taken', '/key');

for my $bad ([ { key => 'Bad Key' }, '/key' ], [ { subject => 'dog' }, '/subject' ],
             [ { max_depth => 13 }, '/max_depth' ], [ { max_depth => 0 }, '/max_depth' ],
             [ { name => {} }, '/name' ], [ { name => '' }, '/name' ],
             [ { name => { EN => 'x' } }, '/name/EN' ], [ { key => undef }, '/key' ],
             [ { live_version => 7 }, '/live_version' ],
             [ { tenant_id => $Trees::NOBODY }, '/tenant_id' ])
{
    my ($set, $at) = @$bad;

    $t->fails($t->post('/taxonomies', { key => 'x', subject => 'place', name => 'X',
        %$set }), 'POST /taxonomies', 'invalid', $at, "refused at $at");
}

my $events = $t->taxonomy(key => 'events', subject => 'event');


# Reading

is_deeply $t->works($t->public("/taxonomies/$places->{id}"),
    'GET /taxonomies/{id}', 200, 'anyone reads it'), $places;
is_deeply $t->works($t->public('/taxonomies'), 'GET /taxonomies', 200),
    { data => [ $events, $places ], next => undef }, 'in the order of their keys';
is_deeply $t->public('/taxonomies?subject=event')->json->{data}, [ $events ],
    'of one kind of subject';

my $page = $t->public('/taxonomies?limit=1')->json;
is_deeply $page->{data}, [ $events ], 'a page of one';
is_deeply $t->public("/taxonomies?limit=1&cursor=$page->{next}")->json,
    { data => [ $places ], next => undef }, 'and the page behind it';

is $t->public('/taxonomies/nonsense')->{status}, 404, 'no id';
is $t->public("/taxonomies/$Trees::NOBODY")->{status}, 404, 'no taxonomy';
is $t->get("/taxonomies/$places->{id}", 'If-None-Match' => '"v1"')->{status},
    304, 'not modified';


# Changing

my $at = "/taxonomies/$places->{id}";
my $new = $t->works($t->patch($at, { name => 'Spots' }),
                    'PATCH /taxonomies/{id}', 200);

is "$new->{name} $new->{key} $new->{version}", 'Spots places 2',
    'what was sent is changed, the rest stays';
$t->fails($t->patch($at, { name => 'X' }, 'If-Match' => '"v1"'),
          'PATCH /taxonomies/{id}', 'precondition_failed');
is $t->patch($at, { name => 'Y' }, 'If-Match' => '"v2"')->{status}, 200,
    'with the version that it has';
$t->fails($t->patch($at, { key => 'events' }), 'PATCH /taxonomies/{id}',
          'taxonomy_key_taken', '/key');
$t->fails($t->patch("/taxonomies/$Trees::NOBODY", { name => 'X' }),
          'PATCH /taxonomies/{id}', 'not_found');

for my $member (qw(key name subject max_depth leaf_only)) {
    $t->fails($t->patch($at, { $member => undef }), 'PATCH /taxonomies/{id}',
              'invalid', "/$member", "$member cannot be taken away");
}

is $t->patch($at, {})->{status}, 200, 'a patch of nothing changes nothing';

my $food = $t->category($places, 'Food');
my $cafe = $t->category($places, 'Cafe', parent_id => $food->{id});

$t->fails($t->patch($at, { max_depth => 1 }), 'PATCH /taxonomies/{id}',
          'taxonomy_deeper', '/max_depth');
is $t->patch($at, { max_depth => 2 })->json->{max_depth}, 2,
    'as deep as what stands in it';

my $version = $t->get($at)->json->{version};
my @r = $p->parallel(map { [ PATCH => "/api/v1$at", body => { key => "p$_" },
    token => $t->{token}, 'If-Match' => "\"v$version\"" ] } 1 .. 12);
is_deeply [ sort map { $_->{status} } @r ], [ 200, (412) x 11 ],
    'of twelve with one version in hand one is served';


# Removing

$t->fails($t->delete($at), 'DELETE /taxonomies/{id}', 'taxonomy_in_use');
$t->fails($t->delete("/taxonomies/$events->{id}", 'If-Match' => '"v9"'),
          'DELETE /taxonomies/{id}', 'precondition_failed');
$t->works($t->delete("/taxonomies/$events->{id}", 'If-Match' => '"v1"'),
          'DELETE /taxonomies/{id}', 204);
$t->fails($t->delete("/taxonomies/$events->{id}"), 'DELETE /taxonomies/{id}',
          'not_found');

$t->delete("/categories/$_->{id}") for $cafe, $food;
is $t->delete($at)->{status}, 204, 'once it is empty it can go';


# Who may

my $body = { key => 'k', name => 'K', subject => 'place' };
is $p->post('/api/v1/taxonomies', $body)->{status}, 401, 'nobody is no admin';
is $p->post('/api/v1/taxonomies', $body,
            token => { scope => 'categories:write' })->{status}, 403,
    'who writes is no admin';

$t->all_provoked('categories_taxonomies.c');
done_testing;
