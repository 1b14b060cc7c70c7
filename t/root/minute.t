# Redis away for a minute, gone for a part of it and deaf for the rest: what
# does not need it goes on as before on two nodes, and what needs it catches
# up by itself, in order, with nothing left behind.

use Pando;
use Pando::Live;
use Pando::Server;
use Time::HiRes qw(time);

my $redis = Pando::Server->redis;
my $tenant = $Pando::Token::TENANT;
my $api = '/api/v1';
my %set = (domains => [qw(probe listener realtime)], workers => 2, redis => $redis->socket,
    http => "pando_stream redis key=told;
        pando_set realtime.events 'probe.created tenant:{tenant}:probes';");
my ($p, $q) = map { Pando->new(%set) } 1 .. 2;
my $me = '01939bd0-0000-7000-8000-000000000001';
my @names;

sub add
{
    my ($node, $name) = @_;
    my $r = $node->post("$api/probes", { name => $name }, token => { scope => 'probe:admin' });

    push @names, $name if $r->{status} == 201;
    return $r->{status};
}

# The names in the stream, each where it is first.
sub streamed
{
    my %seen;
    return grep { !$seen{$_}++ } map { /"name":\s*"([^"]+)"/ ? $1 : () }
        qx(redis-cli -s @{[ $redis->socket ]} --raw xrange told - +);
}

sub subscribed
{
    my ($node) = @_;
    return $node->wait_for(sub {
        my $s = Pando::Live->stream($node, "$api/realtime/sse?channels=tenant:$tenant:probes",
            token => $node->token(sub => $me, scope => 'realtime:read'));
        my $e;
        1 while $s->{status} == 200 && ($e = $s->event) && !$e->{event};
        $e && $e->{event} eq 'subscribed' && $s;
    }, 60) || BAIL_OUT('nobody can subscribe');
}

# What a listener is told until such a name comes: names, and 'lost'.
sub told
{
    my ($s, $until) = @_;
    my $end = time + 20;
    my @told;

    while (time < $end && !$s->{ended}) {
        my $e = $s->event // last;
        push @told, $e->{event} eq 'message' ? $e->{data} =~ /"name":\s*"([^"]+)"/
            : $e->{event} // () if $e->{event};
        last if @told && $told[-1] =~ $until;
    }

    return @told;
}


my @ears = map { subscribed($_) } $p, $q;
is add($p, 'before'), 201;
is_deeply [ told($_, qr/^before$/) ], [ 'before' ], 'both nodes tell' for @ears;

my ($start, $n, @slow, %status) = (time, 0);

for my $away ([ 35, sub { $redis->kill } ], [ 60, sub { $redis->start; $redis->freeze } ]) {
    $away->[1]->();
    while (time - $start < $away->[0]) {
        my $from = time;
        $status{ add($n % 2 ? $p : $q, sprintf 'away %03d', ++$n) }++;
        push @slow, $n if time - $from > 10;
        select undef, undef, undef, 0.2;
    }
}

cmp_ok $n, '>', 60, 'all through the minute';
is_deeply \%status, { 201 => $n }, 'writes are taken';
is "@slow", '', 'and none waits for Redis';
ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM listener.heard WHERE consumer = 'probes'
    AND name LIKE 'away%'") == $n }, 60), 'other consumers hear of them';

$redis->thaw;
ok $p->wait_for(sub { @{[ streamed() ]} >= $n }, 120), 'the stream catches up'
    or diag(scalar streamed());
is_deeply [ grep { /^away/ } streamed() ], [ grep { /^away/ } @names ], 'in order';

# Redis came back with nothing: who listened all the time either missed nothing
# or is told so, whenever its worker notices, and from then on hears all.
my $late = subscribed($p);

for my $ear (@ears, $late) {
    my ($m, @all) = 0;

    ok $p->wait_for(sub {
        add($q, 'still ' . ++$m);
        push @all, told($ear, qr/^still/);
        return @all && $all[-1] =~ /^still/;
    }, 120), 'who listens hears on' or diag("@all");
    ok $ear == $late || (grep { $_ eq 'lost' } @all) || (grep { /^away/ } @all) >= $n,
        'and missed nothing, or was told so' or diag("@all");
}

ok $p->wait_for(sub { $p->sql("SELECT count(*) FROM pando.parked") == 0 }, 120),
    'nothing is left behind' or diag(map { "@$_\n" } $p->sql('SELECT consumer, type, attempts,
        error FROM pando.parked'));
$_->expect(qr/Redis|redis|realtime\.follow|stream/) for $p, $q;

done_testing;
