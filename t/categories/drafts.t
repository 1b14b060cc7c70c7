# A tree reorganized aside: copied, changed, compared, published or discarded.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Trees;

my $t = Trees->new;
my $p = $t->{p};
my $tree = $t->taxonomy(max_depth => 4);
my $at = "/taxonomies/$tree->{id}";
my ($DRAFT, $PUBLISH, $DISCARD) = map { "POST /taxonomies/{id}/$_" } qw(draft publish discard);
my $DIFF = 'GET /taxonomies/{id}/diff';
my %c;

for ([ 'Food' ], [ 'Cafe', 'Food' ], [ 'Tea', 'Cafe' ], [ 'Bar', 'Food' ], [ 'Stay' ],
     [ 'Inn', 'Stay' ], [ 'Gone' ])
{
    my ($name, $above) = @$_;
    $c{$name} = $t->category($tree, $name, $above ? (parent_id => $c{$above}{id}) : ());
}

my @live = ('Food', [ 'Cafe', [ 'Tea' ], 'Bar' ], 'Stay', [ 'Inn' ], 'Gone');

sub edit { my ($verb, $name, $path, @b) = @_;
           return $t->$verb("/categories/$c{$name}{id}$path?version=draft", @b) }
sub live { is_deeply $t->names($tree), $_[0], $_[1] }
sub rows { return $p->sql('SELECT count(*) FROM categories.categories
                           WHERE taxonomy_id = ? AND NOT live', $tree->{id}) }


$t->fails($t->get("$at/diff"), $DIFF, 'draft_missing');
$t->fails($t->post("$at/$_->[0]", undef), $_->[1], 'draft_missing')
    for [ publish => $PUBLISH ], [ discard => $DISCARD ];
$t->fails($t->post("/taxonomies/$Trees::NOBODY/$_->[0]", undef), $_->[1], 'not_found')
    for [ draft => $DRAFT ], [ publish => $PUBLISH ], [ discard => $DISCARD ];
$t->fails($t->get("/taxonomies/$Trees::NOBODY/diff"), $DIFF, 'not_found');
$t->fails($t->post("$at/draft", undef, 'If-Match' => '"v9"'), $DRAFT, 'precondition_failed');

my $j = $t->works($t->post("$at/draft", undef), $DRAFT, 201);
is $j->{draft_version}, $j->{live_version} + 1, 'a draft of the next version';
is_deeply $t->names($tree, '&version=draft'), \@live, 'it is what the live tree is';
$t->fails($t->post("$at/draft", undef), $DRAFT, 'draft_exists');
$t->fails($t->post("$at/$_->[0]", undef, 'If-Match' => '"v99"'), $_->[1], 'precondition_failed')
    for [ publish => $PUBLISH ], [ discard => $DISCARD ];
$j = $t->works($t->get("$at/diff"), $DIFF, 200);
is_deeply [ @$j{qw(added changed removed)} ], [ [], [], [] ], 'nothing differs';


# Discarded

edit(delete => 'Gone', '');
$t->works($t->post("$at/discard", undef), $DISCARD, 200);
is rows(), 0, 'nothing of it is left';
live(\@live, 'and nothing has happened');


# Changed in every way, and published

$t->post("$at/draft", undef);
my $events = $p->sql('SELECT count(*) FROM pando.outbox');

my %coffee = (name => { en => 'Coffee', de => 'Kaffee' }, slug => 'bar');

is edit(post => 'Tea', '/move', { parent_id => $c{Stay}{id}, after_id => undef })->{status}, 200;
is edit(patch => 'Cafe', '', \%coffee)->{status}, 409, 'slugs are watched in a draft, too';
is edit(patch => 'Bar', '', { slug => 'pub', color => '#ff0000' })->{status}, 200;
is edit(patch => 'Cafe', '', \%coffee)->{status}, 200, 'one that another has left there';
is edit(delete => 'Gone', '')->{status}, 204;
is edit(post => 'Inn', '/merge', { into_id => $c{Stay}{id} })->{status}, 200;
my $new = $t->category($tree, 'New', parent_id => $c{Tea}{id}, query => '?version=draft');

live(\@live, 'the live tree is what it was');
is $p->sql('SELECT count(*) FROM pando.outbox'), $events, 'and nobody was told';

my @after = ('Food', [ 'Coffee', 'Bar' ], 'Stay', [ 'Tea', [ 'New' ], 'Inn' ]);
is_deeply $t->names($tree, '&version=draft'), \@after, 'the draft is what it is to be';
is $t->public("/categories/$new->{id}")->{status}, 404, 'what is new in it is not there yet';

$j = $t->works($t->get("$at/diff"), $DIFF, 200);
is_deeply [ map { $_->{slug} } @{ $j->{added} }, @{ $j->{removed} } ], [ qw(new gone) ];
my %changed = map { $_->{slug} => $_->{changes} } @{ $j->{changed} };
is_deeply [ sort keys %changed ], [ qw(bar inn pub tea) ];
is_deeply $changed{bar}{slug}, [ 'cafe', 'bar' ], 'before and after';
is_deeply [ sort keys %{ $changed{bar} } ], [ qw(names slug) ], 'no more than what differs';
is $changed{tea}{parent_id}[1], $c{Stay}{id};

my $before = $t->get("/categories/$c{Food}{id}")->json->{version};
my $cached = $t->public("/categories?taxonomy=$tree->{id}");
$j = $t->works($t->post("$at/publish", undef), $PUBLISH, 200);
is $j->{draft_version}, undef, 'the draft is gone';
is $j->{live_version}, 9, 'one version, however much has changed';
is rows(), 0;
live(\@after, 'at one instant');
is_deeply Trees::named($t->public("/categories?taxonomy=$tree->{id}")->json->{tree})->[1],
    [ 'Coffee', 'Bar' ], 'for everyone';
is $t->get("/categories/$c{Food}{id}")->json->{version}, $before,
    'what did not change has its version';
is $t->public("/categories/$c{Cafe}{id}?locale=de")->json->{name}, 'Kaffee', 'names';
is $t->public("/categories/$c{Bar}{id}")->json->{color}, '#ff0000', 'and all else';
is $t->public("/categories/$new->{id}")->json->{breadcrumb}[1]{name}, 'Tea', 'what is new';
is $t->public("/categories/$c{Gone}{id}")->{status}, 404, 'what is gone';
is $t->public("/categories/$c{Inn}{id}")->{status}, 308, 'what was merged leads on';
like $t->public("/categories/by-slug/cafe?taxonomy=$tree->{id}")->header('Location'),
    qr{/by-slug/bar\?}, 'an old slug leads on';
is $t->public("/categories/by-slug/bar?taxonomy=$tree->{id}")->json->{id}, $c{Cafe}{id},
    'one that changed hands leads to who has it';
$t->sound;

my ($type, $data) = @{ ($p->sql("SELECT type, data FROM pando.outbox
    WHERE type = 'taxonomy.published'"))[0] };
like $data, qr/"slug": "new"/, 'one event, with what differs';
is $p->sql("SELECT count(*) FROM categories.taxonomy_changes
            WHERE op ->> 'op' = 'publish' AND version = 9"), 1, 'and one row of the journal';
is $p->sql('SELECT count(*) FROM categories.category_merges WHERE category_id = ?',
           $c{Inn}{id}), 1, 'a merge is followed';


# Not published

$t->post("$at/draft", undef);
$t->patch("/categories/$c{Bar}{id}", { color => '#00ff00' });
ok $t->get("$at/diff")->json->{stale}, 'the diff says so';
$t->fails($t->post("$at/publish", undef), $PUBLISH, 'draft_stale');         # Proof 8
is $t->public("/categories/$c{Bar}{id}")->json->{color}, '#00ff00', 'nothing is lost';
$t->post("$at/discard", undef);

$t->post("$at/draft", undef);
edit(delete => 'Bar', '');
$p->sql("INSERT INTO categories.subject_categories VALUES (?, 'place', pando.uuid7(), ?)",
        $Pando::Token::TENANT, $c{Bar}{id});
$t->fails($t->post("$at/publish", undef), $PUBLISH, 'category_not_empty');
$p->sql('DELETE FROM categories.subject_categories');
$t->delete("/categories/$new->{id}?version=draft");
edit(delete => 'Tea', '');
$t->post("$at/publish", undef);
live([ 'Food', [ 'Coffee' ], 'Stay', [ 'Inn' ] ], 'what nobody is filed in goes');

my ($lead, $to) = map { $t->category($tree, $_) } qw(Lead To);
$t->post("$at/draft", undef);
$t->delete("/categories/$to->{id}?version=draft");
$p->sql("UPDATE categories.categories SET status = 'deprecated', replaced_by = ?
         WHERE id = ? AND live", $to->{id}, $lead->{id});
$p->sql('UPDATE categories.categories SET status = ?, replaced_by = ? WHERE id = ? AND NOT live',
        'deprecated', undef, $lead->{id});
is $t->post("$at/publish", undef)->{status}, 200, 'what leads nowhere any more is no obstacle';

$t->post("/categories/$c{Food}{id}/attributes", { key => 'x', name => 'X', kind => 'bool' });
$t->post("/categories/$c{Stay}{id}/attributes", { key => 'x', name => 'X', kind => 'text' });
$t->post("/categories/$c{Cafe}{id}/attributes", { key => 'x', name => 'X', kind => 'bool' });
$t->post("$at/draft", undef);
edit(post => 'Cafe', '/move', { parent_id => $c{Stay}{id} });
$t->fails($t->post("$at/publish", undef), $PUBLISH, 'attribute_loosened');
live([ 'Food', [ 'Coffee' ], 'Stay', [ 'Inn' ], 'Lead' ], 'nothing of it was done');

# Two editors: one draft, one publication.
my @r = $p->parallel(map { [ POST => "/api/v1$at/publish", token => $t->{token} ] } 1 .. 5);
is scalar(grep { $_->{status} == 409 } @r), 5;
edit(post => 'Cafe', '/move', { parent_id => $c{Food}{id} });
my @twins = map { $t->category($tree, "Twin $_", slug => 'twin', parent_id => $c{$_}{id},
                               query => '?version=draft') } qw(Food Stay);
$t->fails($t->post("$at/publish", undef), $PUBLISH, 'slug_taken');
$t->delete("/categories/$twins[1]{id}?version=draft");
@r = $p->parallel(map { [ POST => "/api/v1$at/publish", token => $t->{token} ] } 1 .. 10);
is scalar(grep { $_->{status} == 200 } @r), 1, 'one of ten publishes';
@r = $p->parallel(map { [ POST => "/api/v1$at/draft", token => $t->{token} ] } 1 .. 10);
is scalar(grep { $_->{status} == 201 } @r), 1, 'one of ten begins';
is $p->get("/api/v1$at/diff", token => $Trees::OTHER)->{status}, 404, 'of this tenant only';
$t->sound;

$t->all_provoked('categories_drafts.c');
done_testing;
