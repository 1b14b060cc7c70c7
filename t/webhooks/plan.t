# What is planned: attempts and their times; five days of failures end it, and
# what was missed comes in order; conditions of many endpoints, and claims that
# cost the same however much there was.

use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;
use Time::HiRes qw(time);

my $gate = File::Temp::tempdir(CLEANUP => 1) . '/open';
my $web = Pando::Elsewhere->web(sub {
    $_[0]->print(Pando::Elsewhere::answer(-e $gate ? 200 : 500, 'said'));
});
my $t = Post->new(workers => 2, to => [$web], http => 'pando_jobs lease=2s;');
my $p = $t->{p};
my $one = sub { my @row = $p->sql(@_); return ref $row[0] ? $row[0][0] : $row[0] };
my $open = sub { open my $out, '>', $gate or die; close $out };

# So many events at once, as a domain would tell them, of as many subjects or one.
sub tell_all
{
    my ($n, $type, $subject) = @_;
    $p->sql("select count(pando.emit(?, ?, 1, coalesce(?, pando.uuid7()),
        jsonb_build_object('n', n))) from generate_series(1, ?) as n", $Pando::Token::TENANT,
        $type, $subject, $n);
}

sub hurry
{
    my ($e) = @_;
    $p->sql("update webhooks.deliveries set next_at = clock_timestamp()
        where endpoint_id = ? and state = 'pending' and next_at < 'infinity'", $e->{id});
    $p->sql('update webhooks.lanes set blocked_until = null where endpoint_id = ?', $e->{id});
    $p->sql('select webhooks.wake(?, ?, clock_timestamp())', $Pando::Token::TENANT, $e->{id});
}


# 500 four times, then 200: when the plan says

my $ill = $t->endpoint($web, at => '/500', event_types => ['custom.*']);
$t->tell(type => 'custom.ill');
for my $n (0 .. 3) {
    my $plan = (5, 300, 1800, 7200)[$n];
    $t->waits(sub { $one->('select count(*) from webhooks.attempts where endpoint_id = ?',
        $ill->{id}) == $n + 1 }, 'attempt ' . ($n + 1));
    $t->waits(sub { ($t->fates($ill))[0] eq 'pending ' . ($n + 1) }, 'has failed');
    my $in = $one->('select extract(epoch from d.next_at - max(a.at)) from webhooks.deliveries d
        join webhooks.attempts a using (endpoint_id, message_id) where endpoint_id = ?
        group by d.next_at', $ill->{id});
    ok $in > $plan - 1 && $in < $plan * 1.2 + 1, "the next one is in $plan s, a fifth more at most"
        or diag $in;
    $open->() if $n == 3;
    hurry($ill);
}
$t->waits(sub { ($t->fates($ill))[0] eq 'succeeded 5' }, 'then it is taken');
unlink $gate;


# Days of failures: told after one and after three, over after five; and later
# all that was missed, in order

my $told = sub { join ' ', map { "$_->[0] " . ($_->[1] // '-') } $p->sql("select type,
    data ->> 'days' from pando.outbox where subject = ? and type like 'webhook_endpoint.%'
    order by seq", $ill->{id}) };
my @days = ([ '25 hours', 'webhook_endpoint.failing 1' ], [ '73 hours',
    'webhook_endpoint.failing 1 webhook_endpoint.failing 3' ]);
$p->sql("update webhooks.endpoints set ordering = 'strict' where id = ?", $ill->{id});
$t->tell(type => 'custom.ill');
$t->waits(sub { ($t->fates($ill))[-1] eq 'pending 1' }, 'it fails again');
for ([ '23 hours', '' ], @days) {
    my ($since, $want) = @$_;
    $p->sql("update webhooks.lanes set failing_since = now() - ?::interval, failures = 12
        where endpoint_id = ?", $since, $ill->{id});
    $p->sql('select webhooks.review()') for 1, 2;
    is $told->(), $want, "after $since";
}
$p->sql("update webhooks.lanes set failing_since = now() - interval '121 hours', failures = 9
    where endpoint_id = ?", $ill->{id});
$p->sql('select webhooks.review()');
is $t->get("/webhook-endpoints/$ill->{id}")->json->{state}, 'active', 'not before ten attempts';
$p->sql('update webhooks.lanes set failures = 10 where endpoint_id = ?', $ill->{id});
$p->sql('select webhooks.review()') for 1, 2;
is $told->(), "$days[1][1] webhook_endpoint.disabled -", 'after five days and ten it is disabled';
tell_all(30, 'custom.missed', $Pando::Routes::NOBODY);
$t->tell(type => 'custom.missed');
$t->waits(sub { $one->("select count(*) from webhooks.deliveries where endpoint_id = ?
    and state = 'expired'", $ill->{id}) == 31 }, 'what comes meanwhile is kept');
$open->();
$web->forget;
$t->post("/webhook-endpoints/$ill->{id}/enable");
$t->post("/webhook-endpoints/$ill->{id}/recover", { since => '2026-01-01T00:00:00Z' });
my $missed = sub { map { decode_json($_->{body}) } grep { $_->{path} eq '/500' } $web->requests };
$t->waits(sub { $missed->() == 32 }, 'it is enabled, and recovers', 90);
my @ns = map { $_->{data}{n} // () } grep { $_->{type} eq 'custom.missed' } $missed->();
is_deeply \@ns, [ 1 .. 30 ], 'all that was missed, in order, once each';
$p->sql('delete from webhooks.endpoints');


# Conditions of a thousand endpoints

$p->sql("insert into webhooks.endpoints (tenant_id, url, event_types, filters, max_in_flight,
    timeout_ms) select ?, 'https://a.example.com/', '{custom.many}',
    array['data.n == ' || n || ' && data.who.startsWith(\"x\")'], 8, 1000
    from generate_series(1, 1000) as n", $Pando::Token::TENANT);
$p->sql('insert into webhooks.lanes (endpoint_id, tenant_id)
    select id, tenant_id from webhooks.endpoints');
my $say = sub { $t->post('/webhook-messages', { type => 'custom.many',
    payload => { n => $_[0], who => 'xyz' } }) };
is scalar @{ $say->($_)->json->{deliveries} }, 1, "one of a thousand wants it: $_"
    for 1, 500, 1000;
is $say->(2000)->{status}, 409, 'and none another one';
my $began = time;
$say->(7) for 1 .. 20;
note sprintf 'an event that a thousand conditions are asked of: %.1f ms',
    (time - $began) / 20 * 1000;


# Claims: as much work among many as among few

sub blocks
{
    my ($what) = @_;
    my ($plan) = map { ref $_ ? $_->[0] : $_ } $p->sql(
        "explain (analyze, buffers, format json) $what");
    my $root = decode_json($plan)->[0]{Plan};
    return $root->{'Shared Hit Blocks'} + $root->{'Shared Read Blocks'};
}

my $busy = $t->endpoint($web, at => '/busy', event_types => ['custom.busy']);
my $fill = sub {
    my ($n) = @_;
    $p->sql("with m as (insert into webhooks.messages (tenant_id, event_id, type, body)
        select ?, pando.uuid7(), 'custom.busy', '{}' from generate_series(1, ?) returning id)
        insert into webhooks.deliveries (endpoint_id, message_id, tenant_id, state, attempts,
        next_at) select ?, id, ?, 'succeeded', 1, now() - interval '1 h' from m",
        $Pando::Token::TENANT, $n, $busy->{id}, $Pando::Token::TENANT);
    $p->sql("insert into webhooks.endpoints (tenant_id, url, event_types, max_in_flight, timeout_ms)
        select pando.uuid7(), 'https://a.example.com/', '{x.y}', 8, 1000
          from generate_series(1, ?)", $n / 4);
    $p->sql("update webhooks.deliveries set state = 'pending', next_at = clock_timestamp()
        where endpoint_id = ? and message_id in (select message_id from webhooks.deliveries
        where endpoint_id = ? and state = 'succeeded' limit 6)", $busy->{id}, $busy->{id});
    $p->sql('vacuum analyze webhooks.deliveries');
    $p->sql('analyze webhooks.messages, webhooks.endpoints');
    my $claim = "select * from webhooks.claim_next('$Pando::Token::TENANT', '$busy->{id}', 30)";
    return (map { blocks($claim) } 1 .. 3)[2];
};
my $few = $fill->(1_000);
my $lots = $fill->(80_000);
note "a claim reads $few blocks among a thousand, $lots among eighty thousand";
ok $lots <= $few + 20, 'a claim reads no more of many' or diag "$few $lots";

done_testing;
