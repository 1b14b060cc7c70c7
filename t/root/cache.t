# Cached answers: the same for whom they are the same, void as soon as what
# they show has changed, built once however many ask.

use Pando;
use Pando::Server;

use constant LOG => 'log_format kept "$uri $status $pando_cache.";
    access_log DIR/kept.log kept;';

my ($mine, $other) = ($Pando::Token::TENANT, $Pando::Token::OTHER);
my ($h2, $claim) = Pando::port();
my $pg = Pando::Server->postgres(max_connections => 60);
my $p = Pando->new(domains => ['probe'], workers => 2, redis => undef,
    database => $pg->conninfo, http => LOG, server => "pando_tenant $mine;
    listen 127.0.0.1:$h2 http2;
    location = /metrics { pando_exposition; }");
my $api = '/api/v1/probes';

sub get { $p->get("$api/$_[0]", @_[1 .. $#_]) }
sub build { ($_[0]{body} =~ /"build" : (\d+)|^(\d+)/)[0] // $2 }
sub builds { $p->sql('select case when is_called then last_value else 0 end
                      from probe.builds') }
sub same { my ($x, $y) = @_; (build($x) // -1) == (build($y) // -2) }

sub gauges
{
    return { map { /^(\w+)=(.*)/ ? ($1, $2) : () }
             split /\s(?=\w+=)/, get('gauges')->{body} };
}

sub add
{
    my ($name, $tenant) = @_;
    return $p->post($api, { name => $name },
                    token => { scope => 'probe:write',
                               tid => $tenant // $mine })->json->{id};
}

sub change
{
    my ($id, $name, $how, @o) = @_;
    return $p->put("$api/kept/$id", { name => $name, how => $how }, @o)
        ->{status};
}

# Whoever builds waits until this is released.
sub stop_builds { $p->sql('select pg_advisory_lock(42)') }
sub let_builds  { $p->sql('select pg_advisory_unlock(42)') }

sub building
{
    my ($n) = @_;
    return $p->wait_for(sub {
        $n <= $p->sql("select count(*) from pg_locks
                       where locktype = 'advisory' and not granted");
    }) || die "nobody builds\n";
}

# Requests on their way while the test goes on; ->() waits for the replies.
sub meanwhile
{
    my (@requests) = @_;
    pipe my $out, my $in;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        my @r = map { { %$_ } } $p->parallel(@requests);
        require Storable;
        binmode $in;
        Storable::store_fd(\@r, $in);
        close $in;
        require POSIX;
        POSIX::_exit(0);
    }

    close $in;
    return sub {
        require Storable;
        my $r = Storable::fd_retrieve($out);
        waitpid $pid, 0;
        return map { bless $_, 'Pando::Reply' } @$r;
    };
}


# a hit

my $id = add('one');
my $first = get("kept/$id");
is $first->{status}, 200;
is $first->header('ETag'), '"v1"', 'the version is the tag';
is $first->header('Cache-Control'), 'public, no-cache';
is $first->header('Age'), undef;
like $first->header('Vary'), qr/Accept-Language, Authorization/;

my @r = $p->parallel(map { [ GET => "$api/kept/$id" ] } 1 .. 40);
is scalar(grep { same($_, $first) && $_->{body} eq $first->{body} } @r), 40,
    'forty times the same answer, from either worker';
is builds(), 1, 'built once';
like $r[0]->header('Age'), qr/^\d$/;
is $r[0]->header('Warning'), undef;
is $r[0]->header('Server-Timing'), undef, 'without the database';
is $r[0]->header('Content-Type'), $first->header('Content-Type');
ok $r[0]->header('X-Request-Id') ne $first->header('X-Request-Id');

$p->wait_for(sub { $p->log('kept.log') =~ /hit/ });
like $p->log('kept.log'), qr/200 miss\.\n.* 200 hit\./,
    'the log can tell how it was answered';
like $p->get('/metrics')->{body}, qr/^pando_cache_hits_total [1-9]/m,
    'and so do the metrics';
$p->wait_for(sub { $p->get('/metrics')->{body} =~ /^pando_cache_hits_total 40$/m });

my $r = $p->request(HEAD => "$api/kept/$id");
is $r->{status}, 200, 'HEAD is answered from it';
is $r->header('Content-Length'), length $first->{body};
$r = $p->get("/api/probes/kept/$id");
ok same($r, $first), 'so is the other path of the same route';

for ('"v1"', 'W/"v1"', '"x", "v1"', '*') {
    $r = get("kept/$id", 'If-None-Match' => $_);
    is $r->{status}, 304, "If-None-Match: $_";
    is $r->{body}, '';
}

is get("kept/$id", 'If-None-Match' => '"v2"')->{status}, 200;

$first = get('sized?size=300');
like $first->header('ETag'), qr/^"[0-9a-f]{32}"$/,
    'without a version the bytes are the tag';
$r = get('sized?size=300', 'If-None-Match' => $first->header('ETag'));
is $r->{status}, 304;
is $r->header('Cache-Control'), 'public, no-cache';
$r = get('sized?size=300');
is $r->header('Content-Type'), 'text/x-sized';
is $r->{body}, $first->{body};

$r = get("kept/$id", token => { scope => 'probe:read' });
is $r->header('Cache-Control'), 'private, no-cache', 'a token makes it private';
$r = get("brief/$id");
is $r->header('Cache-Control'), 'public, max-age=30', '.browser_cache';

for my $size (0, 1, 100, 5000, 32000, 33000, 200_000, 1_000_000) {
    my $x = get("sized?size=$size&a=s");
    my $y = get("sized?size=$size&a=s");
    ok $x->{body} eq $y->{body} && length $x->{body} >= $size,
        "$size bytes are kept";
}

my $n = builds();
ok !same(get('sized?size=1100000'), get('sized?size=1100000')),
    'what is too large is not';

$first = get('headed');
$r = get('headed');
is $r->header('X-Build'), build($first), 'headers of the handler are kept';
is $r->header('X-Empty'), '';
is build($r), build($first);
ok !same(get('headed?a=Set-Cookie'), get('headed?a=set-cookie')),
    'an answer with a cookie is not';
ok !same(map { $r = get('headed?a=Set-Cookie') } 1 .. 2);
is $r->header('Cache-Control'), undef, 'nor may others keep it';


# what is in the key

for (['a=1&b=2', 'b=2&a=1', 1], ['a=1', 'a=2', 0], ['a=x', 'b=x', 0],
     ['a=%41', 'a=A', 1], ['a=a+b', 'a=a%20b', 1], ['a=', 'b=', 0],
     ['list=x,y', 'list=x%2Cy', 0], ['list=x&list=y', 'list=y&list=x', 0],
     ['a=1&&', 'a=1', 1], ['a=1&b=', 'a=1', 0])
{
    my ($x, $y, $same) = @$_;
    is !!same(get("sized?$x"), get("sized?$y")), !!$same,
        "?$x and ?$y are " . ($same ? 'one' : 'two');
}

is get('sized?a=1&utm=2')->{status}, 422, 'an unknown parameter is refused';
get('sized?a=1');
is get('sized?a=1&utm=2')->{status}, 422, 'also when the rest is kept';
is get('sized?a=%zz')->{status}, 400;
is get('sized?a=%00')->{status}, 400;
is get('sized?size=x')->{status}, 422;
ok !same(map { get('sized?a=' . 'x' x 1500) } 1 .. 2),
    'a key that is too long is not kept';

$first = get('sized?b=lang');
ok same($first, get('sized?b=lang', 'Accept-Language' => $_)), $_
    for 'en', 'en, de;q=0.5', 'de;q=0.1, en;q=0.9';
$r = get('sized?b=lang', 'Accept-Language' => 'de, en;q=0.5');
ok !same($first, $r), 'another language, another answer';
like $r->{body}, qr/ de /;

my @as = ([], [token => { scope => 'other:read' }]);
$first = get('scoped');
like $first->{body}, qr/some/;
ok same($first, get('scoped', @{ $as[1] })), 'a token without the scope';
$r = get('scoped', token => { scope => 'probe:read' });
like $r->{body}, qr/all/, 'with it there is more';
ok same($r, get('scoped', token => { scope => 'probe:admin' }));
ok same($first, get('scoped')), 'and they are apart';
like get('scoped')->{body}, qr/some/;

my %read = (token => { scope => 'probe:read' });
is get('listed', %read)->{status}, 200;
is get('listed')->{status}, 401, 'who may not ask gets nothing kept';
is get('listed', token => { scope => 'x:read' })->{status}, 403;
$n = builds();
is get('listed', %read)->{body}, get('listed', %read)->{body}, 'a page is kept';
is builds(), $n;
my $next = get('listed?limit=1', %read)->json;
is @{ $next->{data} }, 1;

my %theirs = (token => { scope => 'probe:read', tid => $other });
my $theirs = add('one', $other);
is get("kept/$id", %theirs)->{status}, 404, 'another tenant has its own';
is get("kept/$theirs", %theirs)->{status}, 200;
is get("kept/$theirs")->{status}, 404;
ok !same(get('sized', %theirs), get('sized')), 'of the same path, too';
is @{ get('listed', %theirs)->json->{data} }, 1;


# what must not be kept

$n = builds();
$r = get('mine', token => { scope => 'probe:read' });
is $r->{status}, 200, 'what is personal is answered';
my $who = '01900000-0000-7000-8000-000000000009';
like get('mine', token => { scope => 'probe:read', sub => $who })->{body},
    qr/$who/, 'but not kept';
is builds(), $n + 2;
$p->expect(qr{/probes/mine is cached, but its answer depends on who asks});

$n = builds();
is get('sized?fail=true')->{status}, 404 for 1 .. 2;
is builds(), $n + 2, 'a problem is not kept';


# purges

$first = get("kept/$id");
my $others = get('sized?size=9');
is change($id, 'two', 'commit'), 204;
$r = get("kept/$id");
is $r->json->{name}, 'two', 'after the commit there is the new one';
ok !same($first, $r);
ok same($r, get("kept/$id")), 'which is kept';
ok same($others, get('sized?size=9')), 'others are still there';

is change($id, 'three', 'fail'), 404;
ok same($r, get("kept/$id")), 'a rollback voids nothing';
is change($id, 'four', 'auto'), 204;
is get("kept/$id")->json->{name}, 'four', 'a statement alone voids at once';
is change($theirs, 'theirs', 'commit', %theirs), 204;

is change(uc $id, 'five', 'commit'), 204, 'an id in other letters';
is get("kept/$id")->json->{name}, 'five', 'is the same tag';
get('kept/' . uc $id);
is change($id, 'six', 'commit'), 204;
is get('kept/' . uc $id)->json->{name}, 'six', 'here as well';

$r = get("kept/$id");
my $sized = get('sized?size=8');
is change($id, 'seven', 'event'), 204;
is get("kept/$id")->json->{name}, 'seven', 'an event voids what it tells of';
ok !same($sized, get('sized?size=8')), 'by each of its tags';
is change($id, 'six', 'event'), 204;

sub purge { is $p->post("$api/purge/$_[0]", '', @_[1 .. $#_])->{status}, 204 }

for (['probes', "kept/$id", 1], ['probes', 'sized?size=9', 0],
     ['sized', 'sized?size=9', 1], ["$mine:sizes", 'sized?size=9', 1],
     ["$other:sizes", 'sized?size=9', 0], ["of:$id", "sized?of=$id", 1],
     ["of:$id", 'sized?of=' . uc $id, 1], ["of:$theirs", "sized?of=$id", 0],
     ['of:', 'sized?size=9', 1])
{
    my ($tag, $path, $void) = @$_;
    $first = get($path);
    purge($tag);
    is !same($first, get($path)), !!$void,
        "the tag $tag " . ($void ? 'voids' : 'leaves') . " $path";
}

$first = get('sized?size=9');
purge('sized', %theirs);
ok same($first, get('sized?size=9')), 'a tenant purges its own';


# a change while an answer is built

purge('probes');
stop_builds();
my $late = meanwhile([ GET => "$api/kept/$id" ]);
building(1);
is change($id, 'newer', 'commit'), 204;
let_builds();
($r) = $late->();
is $r->json->{name}, 'six', 'who began before gets what was before';
is get("kept/$id")->json->{name}, 'newer', 'but it is not kept';

stop_builds();
purge('probes');
$late = meanwhile([ GET => "$api/kept/$id" ]);
building(1);
is change($id, 'newest', 'commit'), 204;
my $after = meanwhile([ GET => "$api/kept/$id" ]);
my $waits = gauges()->{waits};
$p->wait_for(sub { gauges()->{waits} > 0 });
let_builds();
is(($late->())[0]->json->{name}, 'newer');
is(($after->())[0]->json->{name}, 'newest',
   'who waits for an old building gets a new one');


# many at once

purge('probes');
$n = builds();
stop_builds();
$waits = gauges()->{waits};
my $all = meanwhile(map { [ GET => "$api/kept/$id" ] } 1 .. 200);
building(1);
ok $p->wait_for(sub { gauges()->{waits} >= $waits + 199 }),
    '199 wait' or diag explain gauges();
cmp_ok gauges()->{flows}, '<=', 2, 'without a flow';
let_builds();
@r = $all->();
is scalar(grep { $_->{status} == 200 } @r), 200, '200 at once: all answered';
is builds(), $n + 1, 'by one query';
is scalar(grep { $_->{body} eq $r[0]{body} } @r), 200;

$n = builds();
@r = $p->parallel(map { [ GET => "$api/sized?fail=true&a=$_" ] } (1) x 50);
is scalar(grep { $_->{status} == 404 } @r), 50,
    'who cannot be served from one building builds alone';

$n = builds();
stop_builds();
$waits = gauges()->{waits};
open my $load, '-|',
    "h2load -n 300 -c 3 -m 100 http://127.0.0.1:$h2$api/sized?a=h2";
$p->wait_for(sub { gauges()->{waits} >= $waits + 299 });
let_builds();
like join('', <$load>), qr/300 succeeded, 0 failed/, 'over HTTP/2 as well';
is builds(), $n + 1;

# clients that go away

purge('probes');
$n = builds();
stop_builds();
my @gone = map { $p->socket } 1 .. 20;
syswrite $_, "GET $api/kept/$id HTTP/1.1\r\nHost: x\r\n\r\n" for @gone;
building(1);
$waits = gauges()->{waits};
$all = meanwhile(map { [ GET => "$api/kept/$id" ] } 1 .. 20);
$p->wait_for(sub { gauges()->{waits} >= $waits + 20 });
shutdown $_, 2 for @gone;
ok $p->wait_for(sub { (() = $p->log('access.log') =~ / 499 /g) >= 19 }),
    'clients that leave leave the line';
let_builds();
@r = $all->();
is scalar(grep { $_->{status} == 200 } @r), 20,
    'the others get what a client that left had begun';
is builds(), $n + 1;

# a builder that is killed

purge('probes');
stop_builds();
my $lost = meanwhile([ GET => "$api/kept/$id" ]);
building(1);
my ($busy) = grep { flows($_) > 1 } $p->worker_pids;
$waits = gauges()->{waits};
$all = meanwhile(map { [ GET => "$api/kept/$id" ] } 1 .. 30);
$p->wait_for(sub { gauges()->{waits} >= $waits + 30 });
$p->kill_worker('KILL', $busy);
my $anew = meanwhile([ GET => "$api/kept/$id" ]);
building(2);
let_builds();
is(($anew->())[0]{status}, 200, 'another one builds');
my @got = map { $_->{status} } $all->();
$lost->();
is scalar(grep { $_ && $_ != 200 } @got), 0,
    'and who waited with another worker gets that: '
    . grep { $_ == 200 } @got;
is get("kept/$id")->{status}, 200;

sub flows
{
    my ($pid) = @_;
    my $flows;

    $p->wait_for(sub {
        my $g = gauges();
        $flows = $g->{flows} if $g->{pid} == $pid;
        defined $flows;
    });

    return $flows;
}


# stale: while it is built anew, and while the database is away

get("brief/$id");
stop_builds();
ok $p->wait_for(sub {
    my ($s) = $p->parallel([ GET => "$api/brief/$id", timeout => 1 ]);
    $r = $s if $s->{status} && ($s->header('Warning') // '') =~ /^110 /;
}, 20), 'what is stale is served while it is built anew';
is $r->{status}, 200;
cmp_ok $r->header('Age'), '>=', 1;
is $r->header('ETag'), get("brief/$id")->header('ETag');
$r = get("brief/$id", 'If-None-Match' => $r->header('ETag'));
is $r->{status}, 304, 'and compared with what the client has';
let_builds();
ok $p->wait_for(sub { !get("brief/$id")->header('Warning') }),
    'then the new one';

get("kept/$id");
my $cold = add('cold');
get("brief/$id");
$p->{db}->disconnect;
delete $p->{db};
$pg->kill;
$p->expect(qr/a connection to|cannot be reached/);
$r = get("brief/$id");
is $r->{status}, 200, 'without the database: what is fresh';
ok $p->wait_for(sub {
    $r = get("brief/$id");
    ($r->header('Warning') // '') eq '110 - "response is stale"';
}), 'then what is stale' or diag $r->{raw};
is $r->{status}, 200;
is get("kept/$id")->{status}, 200;
$r = get("kept/$cold");
is $r->{status}, 503, 'what is not there is not';
is $r->header('Retry-After'), 1;
ok $p->wait_for(sub { get("brief/$id")->{status} == 503 }, 25),
    'after ten lives it is too old';
is get("kept/$id")->{status}, 200, 'and others are not yet';

$pg->start;
ok $p->wait_for(sub { get("kept/$cold")->{status} == 200 }),
    'the database is back';
ok $p->wait_for(sub { get("brief/$id")->{status} == 200 });


# reload, and a worker that dies before its COMMIT

$first = get("kept/$id");
$p->reload;
ok same($first, get("kept/$id")), 'a reload keeps what is there';
$p->configure(http => LOG . 'pando_set probe.greeting hey;');
$p->reload;
ok !same($first, get("kept/$id")), 'other settings, other answers';
$first = get("kept/$id");

$p->sql('select pg_advisory_lock(43)');
my $held = meanwhile([ PUT => "$api/kept/$id",
                       body => { name => 'held', how => 'hold' } ]);
building(1);
ok same($first, get("kept/$id")), 'what is not committed voids nothing';
($busy) = grep { flows($_) > 1 } $p->worker_pids;
my $emptied = gauges()->{emptied};
$p->kill_worker('KILL', $busy);
ok $p->wait_for(sub { gauges()->{emptied} > $emptied }),
    'a worker that dies in doubt voids all';
$held->();
ok !same($first, get("kept/$id"));
$p->sql('select pg_advisory_unlock(43)');


# a small zone

$p->configure(http => LOG . 'pando_zone 256k;');
$p->reload;
get("sized?size=2000&a=$_") for 1 .. 300;
my $g = gauges();
is $g->{wrong}, 'nothing', 'a small zone is whole';
cmp_ok $g->{evicted}, '>', 100, 'and gives up what is old';
ok same(map { get('sized?size=2000&a=300') } 1 .. 2), 'for what is new';
$n = builds();
get('sized?size=2000&a=1');
is builds(), $n + 1;
is get('sized?size=100000')->{status}, 200, 'what does not fit is answered';

$p->wait_for(sub { gauges()->{flows} == 1 });
is gauges()->{flows}, 1, 'no flow is left';

done_testing;
