# Many at once: moves against each other, insertions at one place, a large
# subtree on the move while others read, and two taxonomies that do not wait
# for each other.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Trees;

my $t = Trees->new(workers => 2, large => 1);
my $p = $t->{p};
my $tree = $t->taxonomy(max_depth => 12);

sub call
{
    my ($method, $path, $body) = @_;
    return [ $method, "/api/v1$path", token => $t->{token}, timeout => 60,
             $body ? (body => $body) : () ];
}

sub spread
{
    my %n;
    $n{"$_->{status} " . ($_->{status} < 300 ? '' : $_->json->{code})}++ for @_;
    return join ', ', map { "$n{$_} x $_" } sort keys %n;
}


# Proof 1: A below B and B below A, a hundred times.

my ($a, $b) = map { $t->category($tree, $_) } qw(A B);
my %rounds;

for my $round (1 .. 100) {
    my @r = $p->parallel(call(POST => "/categories/$a->{id}/move", { parent_id => $b->{id} }),
                         call(POST => "/categories/$b->{id}/move", { parent_id => $a->{id} }));

    $rounds{spread(@r)}++;
    my $moved = $r[0]{status} == 200 ? $a : $b;
    $t->post("/categories/$moved->{id}/move", { parent_id => undef });
}

is_deeply \%rounds, { '1 x 200 , 1 x 409 category_cycle' => 100 },
    'one of two moves against each other, a hundred times';
$t->sound;

# Longer circles, with all the moves at once.
my @ring = map { $t->category($tree, "R$_") } 0 .. 9;

for my $round (1 .. 10) {
    my @r = $p->parallel(map { call(POST => "/categories/$ring[$_]{id}/move",
        { parent_id => $ring[($_ + 1) % 10]{id} }) } 0 .. 9);

    is spread(@r), '9 x 200 , 1 x 409 category_cycle', 'a ring does not close';
    $t->post("/categories/$_->{id}/move", { parent_id => undef }) for @ring;
}

$t->sound;


# Proof 2: a hundred clients at one gap.

my $list = $t->category($tree, 'List');
my ($low, $high) = map { $t->category($tree, $_, parent_id => $list->{id}) } qw(Low High);
my @r = $p->parallel(map { call(POST => '/categories', { taxonomy_id => $tree->{id},
    parent_id => $list->{id}, after_id => $low->{id}, name => "N$_" }) } 1 .. 100);

is spread(@r), '100 x 201 ', 'a hundred insertions at one gap';

my @order = map { $_->[0] } $p->sql('SELECT position FROM categories.categories
    WHERE parent_id = ? ORDER BY position', $list->{id});
my %once = map { $_ => 1 } @order;

is scalar(keys %once), 102, 'no position is doubled';
is $order[0], $low->{position}, 'all behind the one';
is $order[-1], $high->{position}, 'and before the other';
is scalar(@{ $t->names($tree, "&root=$list->{id}") }), 102, 'the tree has them all';

# Until the keys of the list have grown too long, and further.
my $longest = 0;
for (1 .. 300) {
    my $new = $t->category($tree, "M$_", parent_id => $list->{id}, after_id => $low->{id});
    $longest = length $new->{position} if length $new->{position} > $longest;
}
cmp_ok $longest, '>', 30, 'keys grow long';
cmp_ok $longest, '<=', 40, 'but never longer than forty';
is_deeply [ @{ $t->names($tree, "&root=$list->{id}") }[0 .. 2, 401] ],
    [ qw(Low M300 M299 High) ], 'and the order stays when they are renumbered';


# One name, one slug, once.

@r = $p->parallel(map { call(POST => '/categories', { taxonomy_id => $tree->{id},
    name => 'Same', slug => "same-$_" }) } 1 .. 20);
is spread(@r), '1 x 201 , 19 x 409 name_taken', 'one of twenty gets the name';

@r = $p->parallel(map { call(POST => '/categories', { taxonomy_id => $tree->{id},
    name => "Slug $_", slug => 'slug' }) } 1 .. 20);
is spread(@r), '1 x 201 , 19 x 409 slug_taken', 'one of twenty gets the slug';

@r = $p->parallel(map { call(PATCH => "/categories/$_->{id}", { slug => 'ring' }) } @ring);
is spread(@r), '1 x 200 , 9 x 409 slug_taken', 'and so by changes';

@r = $p->parallel(map { call(POST => '/categories', { taxonomy_id => $tree->{id},
    name => "Auto!$_", parent_id => $list->{id} }) } ('') x 1, map { '?' x $_ } 1 .. 9);
is spread(@r), '10 x 201 ', 'slugs that are made give way to each other';


# Merges against each other: who leads to whom is settled, in one hop.

for my $round (1 .. 20) {
    my ($x, $y) = map { $t->category($tree, "$_$round") } qw(X Y);

    @r = $p->parallel(call(POST => "/categories/$x->{id}/merge", { into_id => $y->{id} }),
                      call(POST => "/categories/$y->{id}/merge", { into_id => $x->{id} }));
    is spread(@r), '1 x 200 , 1 x 422 category_deprecated', 'one of two merges';
}

is $p->sql('SELECT count(*) FROM categories.categories AS a JOIN categories.categories AS b
            ON b.id = a.replaced_by WHERE b.replaced_by IS NOT NULL'), 0, 'no chain of two';

# A child comes while its parent goes.
for my $round (1 .. 20) {
    my $x = $t->category($tree, "P$round");

    @r = $p->parallel(call(DELETE => "/categories/$x->{id}"),
                      call(POST => '/categories', { taxonomy_id => $tree->{id},
                           parent_id => $x->{id}, name => 'Child' }));
    like spread(@r), qr/^1 x (?:201 , 1 x 409 category_not_empty|204 , 1 x 422 parent_unknown)$/,
        'either the parent stays or the child goes';
}


# Proof 3: a subtree of 5,000 nodes on the move while fifty read.

my $big = $t->taxonomy;
my ($from, $to) = map { $t->category($big, $_) } qw(From To);
my $root = $t->category($big, 'Root', parent_id => $from->{id});

for my $level ([ 'id = ?', 99 ], [ 'parent_id = ?', 50 ]) {
    my ($which, $n) = @$level;

    $p->sql("INSERT INTO categories.categories (tenant_id, taxonomy_id, parent_id, slug,
             position)
        SELECT c.tenant_id, c.taxonomy_id, c.id, c.slug || '-' || i, to_char(i, 'FM000') || 'i'
          FROM categories.categories AS c, generate_series(1, $n) AS i WHERE c.$which",
        $root->{id});
}

# As autovacuum would: plans made for a table of a few rows go.
$p->sql('ANALYZE categories.categories');

my $leaf = $p->sql('SELECT id FROM categories.categories WHERE taxonomy_id = ? AND depth = 4
                    LIMIT 1', $big->{id});
my $size = $p->sql('SELECT count(*) FROM categories.categories WHERE taxonomy_id = ?',
                   $big->{id});
cmp_ok $size, '>', 5000, "a tree of $size";

my %seen;
for my $round (1 .. 4) {
    my ($there) = $round % 2 ? $to : $from;
    my @calls = map { call(GET => $_ % 5 ? "/categories/$leaf"
                                        : "/categories?taxonomy=$big->{id}") } 1 .. 50;

    splice @calls, 25, 0, call(POST => "/categories/$root->{id}/move",
                               { parent_id => $there->{id} });
    @r = $p->parallel(@calls);
    my ($moved) = splice @r, 25, 1;
    is $moved->{status}, 200, 'the subtree is moved' or diag $moved->{raw};

    for my $r (@r) {
        my ($crumbs) = $r->{body} =~ /"breadcrumb": \[([^]]*)\]/;

        if ($crumbs) {
            $seen{join ' ', map { $_ // 'mid' } $crumbs =~ /"name": (?:"(\w+)"|null)/g}++;
        } else {
            my ($in_from, $in_to) = split /"name": "To"/, $r->{body};
            my ($n, $m) = map { scalar(() = ($_ // '') =~ /"id":/g) } $in_from, $in_to;
            $seen{"From " . ($n - 2) . " To $m"}++;
        }
    }

    is_deeply $t->names($big, '&depth=2'),
        $round % 2 ? [ 'From', 'To', [ 'Root' ] ] : [ 'From', [ 'Root' ], 'To' ],
        'who asks after it sees it moved';
}

is_deeply [ sort keys %seen ], [ 'From 0 To ' . ($size - 2), 'From ' . ($size - 2) . ' To 0',
    'From Root mid', 'To Root mid' ], 'all who read saw it before or after';
$t->sound;

done_testing;
