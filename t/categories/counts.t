# What is filed where, as the events of those who file say; and merges, which
# last until nothing is filed any more in what went.  Places are stood in for
# by this test, which writes their events to the outbox as they would.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Trees;

my $t = Trees->new(http => 'pando_set categories.merge_resend_seconds 1;');
my $p = $t->{p};
my $tree = $t->taxonomy;
my %c;

for ([ 'Food' ], [ 'Cafe', 'Food' ], [ 'Tea', 'Cafe' ], [ 'Bar', 'Food' ], [ 'Stay' ]) {
    my ($name, $above) = @$_;
    $c{$name} = $t->category($tree, $name, $above ? (parent_id => $c{$above}{id}) : ());
}

my $place = 0;

sub id { return sprintf '01900000-0000-7000-8000-%012d', $_[0] }

sub said
{
    my ($n, $type, $version, $in, %more) = @_;
    my $data = JSON::PP->new->canonical->encode({ version => $version,
        category_ids => [ map { $c{$_} ? $c{$_}{id} : $_ } @$in ], %more });

    $p->sql('SELECT pando.emit(?, ?, 1, ?, ?)', $Pando::Token::TENANT, $type, id($n), $data);
}

# The counts once all that was told is heard: { Food => "own/total" }.
sub counts
{
    my ($type) = @_;

    $t->heard or return 'the events are not heard';
    my %of = map { $_->[0] => "$_->[1]/$_->[2]" } $p->sql('SELECT c.slug, k.own, k.total
        FROM categories.category_counts AS k JOIN categories.categories AS c
          ON c.id = k.category_id AND c.live
        WHERE k.subject_type = ? AND k.total > 0', $type // 'place');
    return \%of;
}

# What the mirror says, counted in another way than the module does.
sub recounted
{
    my %of = map { $_->[0] => "$_->[1]/$_->[2]" } $p->sql(<<'SQL');
SELECT a.slug, count(DISTINCT f.subject_id) FILTER (WHERE k.id = a.id),
       count(DISTINCT f.subject_id)
  FROM categories.categories AS a
  JOIN categories.categories AS k ON k.path <@ a.path AND k.live
  JOIN categories.subject_categories AS f ON f.category_id = k.id
 WHERE a.live AND f.subject_type = 'place' GROUP BY a.id, a.slug
SQL
    return \%of;
}


# Filing

said(1, 'place.published', 1, [ 'Tea' ], primary_category_id => $c{Tea}{id});
is_deeply counts(), { tea => '1/1', cafe => '0/1', food => '0/1' }, 'it counts all the way up';
said(2, 'place.published', 1, [ qw(Tea Bar) ]);
is_deeply counts(), { tea => '2/2', cafe => '0/2', bar => '1/1', food => '0/2' },
    'once where two of its categories meet';
said(2, 'place.updated', 2, [ qw(Bar Food) ]);
is_deeply counts(), { tea => '1/1', cafe => '0/1', bar => '1/1', food => '1/2' },
    'filed elsewhere';
is_deeply $t->public("/categories?taxonomy=$tree->{id}&with_counts=true&depth=1")
    ->json->{tree}[0]{counts}, { place => 2 }, 'the tree shows it';
is $p->sql('SELECT category_id FROM categories.subject_categories WHERE is_primary'),
    $c{Tea}{id}, 'the primary one is known';

# Proof 7: five times, and out of order.
said(3, 'place.published', 1, [ 'Stay' ]) for 1 .. 5;
is counts()->{stay}, '1/1', 'five times is once';
said(3, 'place.updated', $_, [ $_ == 9 ? 'Bar' : 'Stay' ]) for 9, 4, 7, 2, 9;
is_deeply counts(), { tea => '1/1', cafe => '0/1', bar => '2/2', food => '1/3' },
    'the youngest version holds';
said(3, 'place.closed', 10, []);
said(3, 'place.updated', 8, [ 'Stay' ]);
is_deeply counts(), { tea => '1/1', cafe => '0/1', bar => '1/1', food => '1/2' },
    'what is closed stays so, whatever comes late';
said(4, 'place.updated', 1, [ 'Stay' ], status => 'draft');
is counts()->{stay}, undef, 'what is not listed does not count';
said(5, 'business.updated', 1, [ 'Stay' ]);
is_deeply counts('business'), { stay => '1/1' }, 'each type by itself';

# Nothing that others say stops the stream.
said(6, 'place.published', 1, [ 'no id' ]);
said(7, 'place.published', 1, [ $Trees::NOBODY, 'Stay' ]);
$p->sql("SELECT pando.emit(?, 'place.published', 1, ?, ?)", $Pando::Token::OTHER, id(8),
        qq({"version": 1, "category_ids": ["$c{Bar}{id}"]}));
is counts()->{stay}, '1/1', 'a category that is not there is left out';
is counts()->{bar}, '1/1', "another tenant's subject is not filed here";
is $p->sql('SELECT count(*) FROM categories.refused_events'), 1, 'what is no id is put aside';
is_deeply recounted(), counts(), 'the mirror says the same';


# Values make attributes stay.

my $style = $t->post("/categories/$c{Food}{id}/attributes", { key => 'style', name => 'S',
    kind => 'multi_enum', options => [ map { { value => $_ } } qw(a b c) ] })->json;
said(2, 'place.updated', 3, [ qw(Bar Food) ], attributes => { style => [ 'b' ], other => 1 });
counts();
is $p->sql('SELECT used::text || used_options::text FROM categories.category_attributes'),
    'true{b}', 'an attribute is used, and one of its options';
is $t->delete("/category-attributes/$style->{id}")->json->{code}, 'attribute_in_use';
is $t->patch("/category-attributes/$style->{id}", { options => [ { value => 'a' } ] })
    ->json->{code}, 'attribute_in_use';


# A move carries what is filed below.

is $t->post("/categories/$c{Cafe}{id}/move", { parent_id => $c{Stay}{id} })->{status}, 200;
is_deeply counts(), { tea => '1/1', cafe => '0/1', stay => '1/2', bar => '1/1', food => '1/1' },
    'from those above before to those above now';
said(9, 'place.published', 1, [ qw(Tea Bar) ]);
counts();
$t->post("/categories/$c{Cafe}{id}/move", { parent_id => $c{Food}{id} });
is counts()->{food}, '1/3', 'one that was counted there already counts once';
$t->post("/categories/$c{Tea}{id}/move", { parent_id => undef });
is_deeply counts(), { tea => '2/2', stay => '1/1', bar => '2/2', food => '1/2' }, 'to the top';
is $t->delete("/categories/$c{Tea}{id}")->json->{code}, 'category_not_empty',
    'what holds something is not removed';

# A night's work.
$p->sql("UPDATE categories.category_counts SET total = total + 5, own = own + 3");
$p->sql("UPDATE categories.taxonomies SET counted_at = now() - interval '2 days'");
is $p->sql('SELECT categories.recount_next(24)'), 6, 'the counts that were wrong are mended';
is_deeply counts(), { tea => '2/2', stay => '1/1', bar => '2/2', food => '1/2' };
is $p->sql('SELECT categories.recount_next(24)'), undef, 'once a day';


# Proof 4: a merge with 10,000 places.

my $PROGRESS = 'GET /categories/{id}/merge';
my ($from, $into) = map { $t->category($tree, $_, parent_id => $c{Food}{id}) } qw(From Into);
my $n = 10_000;

$p->sql("SELECT pando.emit(?, 'place.published', 1, pando.uuid7(),
                jsonb_build_object('version', 1, 'category_ids', jsonb_build_array(?::text)))
           FROM generate_series(1, $n)", $Pando::Token::TENANT, $from->{id});
my $took = time;
is counts()->{from}, "$n/$n", 'they are filed';
diag "$n subjects filed in ", time - $took, ' s';

$t->fails($t->get("/categories/$from->{id}/merge"), $PROGRESS, 'not_found');
is $t->post("/categories/$from->{id}/merge", { into_id => $into->{id} })->{status}, 200;
my $j = $t->works($t->get("/categories/$from->{id}/merge"), $PROGRESS, 200);
is "$j->{remaining} $j->{into_id}", "$n $into->{id}", 'it is under way';

my $merged = "SELECT count(*) FROM pando.outbox WHERE type = 'taxonomy_category.merged'
    AND subject = ?";
ok $p->wait_for(sub { $p->sql($merged, $from->{id}) > 2 }, 30), 'it is told again meanwhile';

# As places does: in batches, each subject once, and then the answer.
my $ack = Pando->new(domains => [ 'filer', 'categories' ]);

for my $left (reverse 0 .. 3) {
    $p->sql("SELECT pando.emit(?, 'place.updated', 1, f.subject_id, jsonb_build_object(
                    'version', 2, 'category_ids', jsonb_build_array(?::text)))
               FROM (SELECT * FROM categories.subject_categories WHERE category_id = ?
                      LIMIT $n / 4) AS f", $Pando::Token::TENANT, $into->{id}, $from->{id});
    counts();
    is $ack->post('/api/v1/filer/merge-ack', { id => $from->{id}, module => 'places',
        moved => $n / 4 * (4 - $left), left => $n / 4 * $left }, token => {})->json->{rc}, 0,
        'and the domain says how far it is';
}

ok $p->wait_for(sub { $t->get("/categories/$from->{id}/merge")->json->{closed_at} }, 30),
    'it is closed when nothing is left';
$j = $t->get("/categories/$from->{id}/merge")->json;
is "$j->{remaining} $j->{modules}[0]{module} $j->{modules}[0]{moved}", "0 places $n";
is_deeply counts(), recounted(), 'the counts equal a recount';
is counts()->{into}, "$n/$n", 'each is filed once';
is counts()->{from}, undef;
like $t->public("/categories/by-slug/from?taxonomy=$tree->{id}")->header('Location'),
    qr{/by-slug/into\?}, 'the old slug leads on in one hop';
is $ack->post('/api/v1/filer/merge-ack', { id => $into->{id}, module => 'x', moved => 0,
    left => 0 }, token => {})->json->{rc}, 1, 'nobody answers to what was not merged';
my $told = $p->sql($merged, $from->{id});
$t->category($tree, 'Wait');
ok $p->wait_for(sub { $p->sql('SELECT sent FROM categories.category_merges') == $told }, 5),
    'and it is told no more';

$t->all_provoked('categories_merges.c');
done_testing;
