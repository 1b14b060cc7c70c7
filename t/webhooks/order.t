# Endpoints that keep an order: those of one key one after another, a key that
# fails holds up nobody else; and what was missed, sent later in its order.

use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;

my $gate = File::Temp::tempdir(CLEANUP => 1) . '/open';
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my $bad = $rq->{body} =~ /"bad"/ && !-e $gate;
    $s->print(Pando::Elsewhere::answer($bad ? 500 : 200, 'said'));
});
my $t = Post->new(workers => 2, to => [$web]);
my $p = $t->{p};
my $n = 0;

sub send_one
{
    my ($key, %more) = @_;
    my $r = $t->post('/webhook-messages', { type => 'custom.note', key => $key,
        payload => { n => ++$n, key => $key, %more } });
    die "not sent: $r->{raw}\n" unless $r->{status} == 202;
    return $r->json->{id};
}

# What came well, as "n", in the order in which it came.
sub came
{
    my ($at, $key) = @_;
    my (%seen, @all);
    for my $rq (grep { $_->{path} eq $at } $web->requests) {
        my $data = decode_json($rq->{body})->{data};
        next if defined $key && $data->{key} ne $key;
        push @all, $data->{n};
    }
    return @all;
}

# What waits for its next attempt is due now.
sub hurry
{
    my ($e) = @_;
    $p->sql("update webhooks.deliveries set next_at = clock_timestamp()
        where endpoint_id = ? and state = 'pending' and next_at < 'infinity'", $e->{id});
    $p->sql('update webhooks.lanes set blocked_until = null where endpoint_id = ?', $e->{id});
    $p->sql('select webhooks.wake(?, ?, clock_timestamp())', $Pando::Token::TENANT, $e->{id});
}

sub states
{
    my ($e) = @_;
    return { map { @$_ } $p->sql('select state, count(*) from webhooks.deliveries
        where endpoint_id = ? group by 1', $e->{id}) };
}


# by_key, under way all at once

my $keyed = $t->endpoint($web, at => '/keyed', event_types => ['custom.note'],
    ordering => 'by_key', max_in_flight => 16);
send_one("k$_") for map { (1 .. 5) } 1 .. 20;
$t->waits(sub { (states($keyed)->{succeeded} // 0) == 100 }, 'a hundred of five keys');
for my $key (map { "k$_" } 1 .. 5) {
    my @in = came('/keyed', $key);
    is_deeply \@in, [ sort { $a <=> $b } @in ], "$key: in order";
    is scalar @in, 20, "$key: all of them, once";
}
my @seq = map { $_->{headers}{'webhook-seq'} } grep { $_->{path} eq '/keyed' } $web->requests;
is_deeply [ sort { $a <=> $b } @seq ], [ 1 .. 100 ], 'with their places, without a gap';


# One key fails: it waits for itself alone

my $first = send_one('a', bad => JSON::PP::true);
send_one('a') for 1 .. 3;
send_one('b') for 1 .. 3;
$t->waits(sub { came('/keyed', 'b') == 3 }, 'another key is not held up');
is_deeply [ came('/keyed', 'a') ], [ 101 ], 'what is behind it is not sent';
$p->wait_for(sub { (states($keyed)->{pending} // 0) == 4 }, 30);
hurry($keyed);
$t->waits(sub { came('/keyed', 'a') == 2 }, 'it is tried again');
is_deeply [ came('/keyed', 'a') ], [ 101, 101 ], 'it alone';
open my $fh, '>', $gate or die;
close $fh;
$p->wait_for(sub { (states($keyed)->{pending} // 0) == 4 }, 30);
hurry($keyed);
$t->waits(sub { (states($keyed)->{succeeded} // 0) == 107 }, 'when it is mended');
is_deeply [ came('/keyed', 'a') ], [ 101, 101, 101, 102, 103, 104 ], 'the rest comes in order';
unlink $gate;


# What is stuck for a day is left out, or holds up the rest for ever

$first = send_one('c', bad => JSON::PP::true);
send_one('c');
$t->waits(sub { came('/keyed', 'c') == 1 && (states($keyed)->{pending} // 0) == 2 },
          'one is stuck');
$p->sql("update webhooks.messages set created_at = now() - interval '25 hours'
    where id = ?", $first);
hurry($keyed);
$t->waits(sub { came('/keyed', 'c') == 3 }, 'after a day the next one is sent');
is_deeply [ came('/keyed', 'c') ], [ 108, 108, 109 ], 'without it';
is states($keyed)->{failed}, 1, 'which has failed';
is $p->sql("select count(*) from pando.outbox where type = 'webhook.exhausted'"), 1,
    'and is told';

my $strict = $t->endpoint($web, at => '/strict', event_types => ['custom.note'],
    ordering => 'strict', when_stuck => 'block');
$t->delete("/webhook-endpoints/$keyed->{id}");
$first = send_one('x', bad => JSON::PP::true);
send_one($_) for 'y', 'z';
$t->waits(sub { came('/strict') == 1 }, 'strict: the first one is tried');
$p->sql("update webhooks.messages set created_at = now() - interval '25 hours'
    where id = ?", $first);
$p->sql('update webhooks.deliveries set planned = 10 where message_id = ?', $first);
$p->wait_for(sub { (states($strict)->{pending} // 0) == 3 }, 30);
hurry($strict);
$t->waits(sub { came('/strict') == 2 && (states($strict)->{pending} // 0) == 3 },
          'and goes on being tried');
is_deeply [ came('/strict') ], [ 110, 110 ], 'whatever waits behind it';
open $fh, '>', $gate or die;
close $fh;
hurry($strict);
$t->waits(sub { (states($strict)->{succeeded} // 0) == 3 }, 'until it is mended');
is_deeply [ came('/strict') ], [ 110, 110, 110, 111, 112 ], 'in order, over all keys';


# Disabled for a time: what was missed comes later, in order, once each

my $recover = 'POST /webhook-endpoints/{id}/recover';
my $since = '2026-01-01T00:00:00Z';
$p->sql("select webhooks.disable(e, 'failing') from webhooks.endpoints e where id = ?",
    $strict->{id});
send_one('m') for 1 .. 20;
is states($strict)->{expired}, 20, 'what comes meanwhile is kept';
$t->fails($t->post("/webhook-endpoints/$strict->{id}/recover", { since => $since }), $recover,
    'endpoint_disabled');
$t->post("/webhook-endpoints/$strict->{id}/enable");
$t->fails($t->post("/webhook-endpoints/$strict->{id}/recover", { since => $since,
    until => $since }), $recover, 'since_not_before_until', '/since');
$t->fails($t->post("/webhook-endpoints/$Pando::Routes::NOBODY/recover", { since => $since }),
    $recover, 'not_found');
is $t->post("/webhook-endpoints/$strict->{id}/recover", { since => $since },
    token => $Post::OTHER)->{status}, 404, 'not by another tenant';
$t->works($t->post("/webhook-endpoints/$strict->{id}/recover", { since => $since }), $recover,
    202);
$t->waits(sub { (states($strict)->{succeeded} // 0) == 23 }, 'it is sent when asked for');
is_deeply [ came('/strict', 'm') ], [ 113 .. 132 ], 'in order, once each';

my $new = $t->endpoint($web, at => '/new', event_types => ['custom.*'],
    filters => ['data.n > 130 || data.n <= 2']);
$t->works($t->post("/webhook-endpoints/$new->{id}/recover", { since => $since,
    state => 'all' }), $recover, 202);
$t->waits(sub { came('/new') == 4 }, 'a new one gets what was before it');
is_deeply [ sort { $a <=> $b } came('/new') ], [ 1, 2, 131, 132 ], 'of what it wants';
$t->works($t->post("/webhook-endpoints/$new->{id}/recover", { since => $since,
    types => ['custom.other'], state => 'all' }), $recover, 202);
$t->fails($t->get("/webhook-endpoints/$Pando::Routes::NOBODY/stats"),
    'GET /webhook-endpoints/{id}/stats', 'not_found');
$t->all_provoked('webhooks_recover.c');

done_testing;
