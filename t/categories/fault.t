# Killed in the middle: the database under moves, merges and additions, a
# worker under a large move and a publication.  Nothing is half done, what was
# acknowledged is there, and the same request sent again has one effect.

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(_exit);
use Pando;
use Pando::Server;
use Trees;

my $pg = Pando::Server->postgres;
my $t = Trees->new(database => $pg->conninfo, workers => 2, large => 1);
my $p = $t->{p};
my $tree = $t->taxonomy(max_depth => 12);
my ($left, $right) = map { $t->category($tree, $_) } qw(Left Right);

sub call
{
    my ($path, $body, $key) = @_;
    return [ POST => "/api/v1$path", token => $t->{token}, timeout => 20, body => $body,
             'Idempotency-Key' => $key ];
}

# Kills something at a random instant, while the caller asks.
sub meanwhile
{
    my ($kill) = @_;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        select undef, undef, undef, rand 0.15;
        $kill->();
        _exit(0);
    }

    return $pid;
}

sub back
{
    delete($p->{db})->disconnect if $p->{db};
    $p->wait_for(sub { eval { $pg->start } }, 30) or die $@;
    return $p->wait_for(sub {
        !grep { $_->{status} != 200 } $p->parallel(map {
            [ GET => "/api/v1/taxonomies/$tree->{id}", token => $t->{token} ] } 1 .. 20)
    }, 30);
}

# Sent again, with the same keys, until each worker has its database again.
sub again
{
    my (@calls) = @_;
    my @r;

    $p->wait_for(sub {
        @r = $p->parallel(@calls);
        !grep { $_->{status} == 503 } @r;
    }, 30);
    return @r;
}

my $made = 0;

sub made
{
    my ($name, $above) = @_;
    my ($r) = again(call('/categories', { taxonomy_id => $tree->{id}, name => $name,
        parent_id => $above->{id} }, 'made-' . ++$made));

    return $r->json;
}

# Each change of a tree is a version, a row of the journal and an event.
sub consistent
{
    my ($name) = @_;
    my ($row) = $p->sql('SELECT t.live_version - 1, (SELECT count(*)
        FROM categories.taxonomy_changes AS j WHERE j.taxonomy_id = t.id), (SELECT count(*)
        FROM pando.outbox AS o WHERE o.type LIKE ? AND o.data ->> ? = t.id::text
          AND o.type <> ?) FROM categories.taxonomies AS t WHERE t.id = ?',
        'taxonomy_category.%', 'taxonomy_id', 'taxonomy_category.deprecated', $tree->{id});

    is "@$row[0, 0]", "@$row[1, 2]", "$name: versions, journal and events agree";
    $t->sound("$name: the tree holds together");
}


# The database

$p->expect(qr/connection to server|terminat|server closed|57P0|unavailable|no live/);

for my $round (1 .. 3) {
    my @moved = map { made("M$round-$_", $left) } 1 .. 5;
    my @gone = map { made("G$round-$_", $left) } 1 .. 5;
    my $into = made("I$round", $left);
    my @calls = (
        map({ call('/categories', { taxonomy_id => $tree->{id}, name => "A$round-$_",
              parent_id => $right->{id} }, "add-$round-$_") } 1 .. 10),
        map({ call("/categories/$moved[$_]{id}/move", { parent_id => $right->{id} },
                   "move-$round-$_") } 0 .. 4),
        map({ call("/categories/$gone[$_]{id}/merge", { into_id => $into->{id} },
                   "merge-$round-$_") } 0 .. 4),
    );
    my $killer = meanwhile(sub { $pg->kill });
    my @r = $p->parallel(@calls);

    waitpid $killer, 0;
    ok back(), "round $round: it is back";
    consistent("round $round");

    my %ok = map { $r[$_]{status} < 300 && $r[$_]{status} ? ($_ => 1) : () } 0 .. $#r;
    my @lost = grep { my $c = $_; !$p->sql('SELECT count(*) FROM categories.categories AS c
        JOIN categories.category_names AS n ON n.category_id = c.id AND n.live
        WHERE c.live AND c.taxonomy_id = ? AND n.name = ?', $tree->{id}, "A$round-" . ($c + 1)) }
        grep { $_ < 10 } keys %ok;
    is "@lost", '', 'nothing acknowledged is lost (' . keys(%ok) . ' of 20)';

    my @again = again(@calls);
    is_deeply [ grep { $again[$_]{status} !~ /^20[01]$/ } 0 .. $#again ], [],
        'all of it done when sent again'
        or diag map { "$_->{status} $_->{body}\n" } @again;
    is $p->sql('SELECT count(*) FROM categories.category_names WHERE name LIKE ?',
               "A$round-%"), 10, 'each once';
    is $p->sql('SELECT count(*) FROM categories.categories AS c
                JOIN categories.category_names AS n ON n.category_id = c.id AND n.live
                WHERE c.parent_id = ? AND n.name LIKE ?', $right->{id}, "M$round-%"), 5,
        'all are moved';
    is $p->sql('SELECT count(*) FROM categories.category_merges WHERE into_id = ?',
               $into->{id}), 5, 'each is merged once';
    consistent("round $round, again");
}


# A worker, under a move of 2,000 and under a publication

my $big = made('Big', $left);
$p->sql("INSERT INTO categories.categories (tenant_id, taxonomy_id, parent_id, slug, position)
    SELECT c.tenant_id, c.taxonomy_id, c.id, 'big-' || i, to_char(i, 'FM0000') || 'i'
      FROM categories.categories AS c, generate_series(1, 2000) AS i WHERE c.id = ?", $big->{id});

# What it is before or after, or nil where it is neither.
sub place
{
    my %above = map { $_->[0] => $_->[1] } $p->sql('SELECT subpath(c.path, 0, 1), count(*)
        FROM categories.categories AS c WHERE c.live AND (c.id = ? OR c.parent_id = ?)
        GROUP BY 1', $big->{id}, $big->{id});
    return keys %above == 1 && (values %above)[0] == 2001 ? (keys %above)[0] : undef;
}

for my $round (1 .. 3) {
    my $to = $round % 2 ? $right : $left;
    my $s = $p->socket;
    my $was = place();

    syswrite $s, $p->message(@{ call("/categories/$big->{id}/move", { parent_id => $to->{id} },
                                     "big-$round") });
    select undef, undef, undef, rand 0.1;
    $p->kill_worker('KILL', $_) for $p->worker_pids;
    sysread $s, my $said, 1 << 16;

    # The statement that ran may still be on its way to its end.
    ok $p->wait_for(sub { !$p->sql("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle'
        AND pid <> pg_backend_pid() AND query NOT LIKE '%follow%'") }, 20);
    ok defined place(), 'all of it is there or here';
    isnt place(), $was, 'there, since it was acknowledged' if ($said // '') =~ / 200 /;
    consistent("worker $round");

    my ($r) = again(call("/categories/$big->{id}/move", { parent_id => $to->{id} },
                         "big-$round"));
    is $r->{status}, 200, 'and done when it is sent again' or diag $r->{raw};
    isnt place(), $was;
    consistent("worker $round, again");
}

for my $round (1 .. 3) {
    my $at = "/taxonomies/$tree->{id}";
    is $t->post("$at/draft", undef)->{status}, 201, 'a draft';
    is $t->post("/categories/$big->{id}/move?version=draft",
        { parent_id => ($round % 2 ? $left : $right)->{id} })->{status}, 200, 'changed';
    my ($was, $s) = (place(), $p->socket);

    syswrite $s, $p->message(@{ call("$at/publish", undef, "publish-$round") });
    select undef, undef, undef, rand 0.3;
    $p->kill_worker('KILL', $_) for $p->worker_pids;
    sysread $s, my $said, 1 << 16;
    ok $p->wait_for(sub { !$p->sql("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle'
        AND pid <> pg_backend_pid() AND query NOT LIKE '%follow%'") }, 20);

    my $draft = $p->sql('SELECT draft_version FROM categories.taxonomies WHERE id = ?',
                        $tree->{id});
    my $rows = $p->sql('SELECT count(*) FROM categories.categories WHERE NOT live');
    ok defined place(), 'published or not, but whole';
    is !$draft, !$rows, 'the draft is there whole, or gone whole';
    is place() eq $was ? 'before' : 'after', $draft ? 'before' : 'after', 'as the taxonomy says';
    my ($r) = again(call("$at/publish", undef, "publish-$round"));
    is $r->{status}, 200, 'and published when it is sent again' or diag $r->{raw};
    isnt place(), $was;
    $t->sound;
}


for my $round (1 .. 3) {
    my ($path, $s) = ("/taxonomies/$tree->{id}/import?apply=true", $p->socket);
    my @rows = map { { slug => "row-$round-$_", name => "Row $round $_" } } 1 .. 500;
    my $call = call($path, { format => 'json', rows => \@rows }, "import-$round");
    my $rows = sub { $p->sql('SELECT count(*) FROM categories.categories WHERE slug LIKE ?',
                             "row-$round-%") };

    syswrite $s, $p->message(@$call);
    select undef, undef, undef, rand 0.8;
    $p->kill_worker('KILL', $_) for $p->worker_pids;
    sysread $s, my $said, 1 << 16;
    ok $p->wait_for(sub { !$p->sql("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle'
        AND pid <> pg_backend_pid() AND query NOT LIKE '%follow%'") }, 20);
    like $rows->(), ($said // '') =~ / 200 / ? qr/^500$/ : qr/^(?:0|500)$/,
        'all rows of an import, or none';
    my ($r) = again($call);
    is $r->{status}, 200, 'and all when it is sent again' or diag $r->{raw};
    is $rows->(), 500, 'each once';
    $t->sound;
}


# Proof 9: without a database, what is kept is read, and nothing is written.

my $path = "/categories?taxonomy=$tree->{id}&depth=1";
my $tree_read = $t->public($path);
is $tree_read->{status}, 200, 'a tree is read';
delete($p->{db})->disconnect;
$pg->stop('immediate');
is $t->public($path)->{body}, $tree_read->{body}, 'and read without a database';
my $r = $t->post('/categories', { taxonomy_id => $tree->{id}, name => 'None' });
is $r->{status}, 503, 'nothing is written';
ok $r->header('Retry-After'), 'and it is said when to come again';
is $t->public("/categories/$big->{id}")->{status}, 503, 'nor is what was not kept read';
ok back(), 'it is back';
($r) = again(call('/categories', { taxonomy_id => $tree->{id}, name => 'None' }, 'none'));
is $r->{status}, 201, 'without a restart';

done_testing;
