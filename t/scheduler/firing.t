# What is due is run: events told once, requests signed and with one key for
# their time, late times caught up with or recorded as missed, ends, jitter,
# retries, templates.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Digest::SHA qw(hmac_sha256);
use JSON::PP;
use MIME::Base64;
use Pando;

my $web = Pando::Elsewhere->web(sub { $_[0]->print(Pando::Elsewhere::answer(200, 'fine')) });
my $bad = Pando::Elsewhere->web(sub { $_[0]->print(Pando::Elsewhere::answer(500, 'no')) });
my $slow = Pando::Elsewhere->web(sub { sleep 30; 'close' });
my $t = Clockwork->new(to => [$web, $bad, $slow]);
my $p = $t->{p};

# an event, at its time

my $s = $t->schedule(specs => [ { type => 'interval', every => 'P365D' } ],
    time_zone => 'Pacific/Apia',
    action => { type => 'event', data => { at => '{{nominal}}', day => '{{local_date}}',
                                           before => '{{prev_success}}' } });
$t->make_due($s, "timestamptz '2026-01-01 11:00:00Z'");
$p->sql('update scheduler.schedules set catchup_s = 300000000 where id = ?', $s->{id});
$t->waits(sub { $t->fates($s) =~ /succeeded/ }, 'an event');
my ($e) = map { decode_json($_->[0]) } $t->told('schedule.fired', $s);
is $e->{nominal_at}, '2026-01-01T11:00:00Z', 'of its time';
is_deeply $e->{data}, { at => '2026-01-01T11:00:00Z', day => '2026-01-02', before => '' },
    'its texts know the time and the day there';
my $now = $t->get("/schedules/$s->{id}")->json;
is $now->{last_at}, '2026-01-01T11:00:00Z';
cmp_ok $now->{next_at}, 'gt', $now->{last_at}, 'there is a next time';
is $now->{version}, 1, 'firing is no change';
my $run = $t->works($t->get("/schedules/$s->{id}/runs"), 'GET /schedules/{id}/runs', 200)
    ->{data}[0];
is "$run->{kind} $run->{attempt} $run->{failures}", 'catchup 1 0', 'late, so caught up with';
is_deeply $t->works($t->get("/schedule-runs/$run->{id}"), 'GET /schedule-runs/{id}', 200), $run;

my $named = $t->schedule(action => { type => 'event', name => 'report.due' });
$t->make_due($named, 'now()');
$t->waits(sub { $t->told('custom.report.due', $named) }, 'an event of a name of its own');
is $p->sql('select kind from scheduler.runs where schedule_id = ?', $named->{id}), 'scheduled',
    'on time';

# a request: signed, with the key of its time

my $h = $t->schedule(action => $t->http($web, method => 'PUT', headers => { 'X-Own' => 'yes' },
    body => 'for {{nominal}}'));
$t->make_due($h, "now() - interval '20 s'");
$t->waits(sub { $t->fates($h) eq 'succeeded' }, 'a request');
my ($rq) = $web->requests;
my $head = $rq->{headers};
my $at = $p->sql('select pando.rfc3339(nominal_at) from scheduler.runs where schedule_id = ?',
    $h->{id});
is $rq->{method}, 'PUT';
is $rq->{body}, "for $at";
is $head->{'x-own'}, 'yes';
is $head->{'pando-scheduled-for'}, $at;
is $head->{'idempotency-key'}, "$h->{id}-$at";
is $head->{'webhook-signature'}, 'v1,' . encode_base64(hmac_sha256(
    "$head->{'webhook-id'}.$head->{'webhook-timestamp'}.$rq->{body}",
    decode_base64($h->{secret} =~ s/^whsec_//r)), ''), 'signed as Standard Webhooks says';
is_deeply $t->get("/schedules/$h->{id}/runs")->json->{data}[0]{result}{status}, 200;

# down for three hours: one is caught up with, the others were missed

# its times are five minutes from now, either way
my $began = time;
my $spec = { type => 'interval', every => 'PT10M', offset => 'PT' . (($began + 300) % 600) . 'S' };
my $down = $t->schedule(specs => [$spec], catchup_s => 3600);
$t->make_due($down, 'to_timestamp(' . ($began - 300 - 10200) . ')');
$t->waits(sub { $t->counts($down) =~ /1 succeeded/ }, 'down for hours');
is $t->counts($down), '17 skipped:missed, 1 succeeded',
    'one is caught up with, the others were missed';
($e) = map { decode_json($_->[0]) } $t->told('schedule_run.missed', $down);
is $e->{runs}, 17, 'which is told, once';

my $three = $t->schedule(specs => [$spec], catchup_s => 36000, max_catchup => 3,
    overlap => 'allow_all');
$t->make_due($three, 'to_timestamp(' . ($began - 300 - 3000) . ')');
$t->waits(sub { $t->counts($three) =~ /3 succeeded/ }, 'the newest three');
is $t->counts($three), '3 skipped:missed, 3 succeeded', 'where three may be';
is $p->sql("select max(nominal_at) filter (where state = 'skipped') <
    min(nominal_at) filter (where state = 'succeeded') from scheduler.runs
    where schedule_id = ?", $three->{id}), 1, 'the older ones were missed';

# so long that one batch does not do

my $long = $t->schedule(specs => [ { type => 'interval', every => 'PT1M' } ]);
$t->make_due($long, "now() - interval '3 days'");
$t->waits(sub { $t->get("/schedules/$long->{id}")->json->{next_at}
    gt $p->sql('select pando.rfc3339(now())') }, 'three days by the minute');
my ($n, $distinct) = @{ ($p->sql('select count(*), count(distinct nominal_at) from scheduler.runs
    where schedule_id = ?', $long->{id}))[0] };
cmp_ok $n, '>=', 4319, 'each minute has a run';
is $distinct, $n, 'and one only';

# ends

my $twice = $t->schedule(specs => [ { type => 'interval', every => 'PT10M' } ], remaining => 2,
    catchup_s => 36000, max_catchup => 9, overlap => 'allow_all');
$t->make_due($twice, "now() - interval '1 h'");
$t->waits(sub { $t->fates($twice) eq 'succeeded succeeded' }, 'so many runs and no more');
is $t->get("/schedules/$twice->{id}")->json->{state}, 'ended';
is $t->get("/schedules/$twice->{id}")->json->{remaining}, 0;
is scalar(() = $t->told('schedule.ended', $twice)), 1, 'which is told once';

my $last = $t->schedule(specs => [ { type => 'at', at => ['2999-01-01T00:00:00Z'] } ]);
$p->sql(q(update scheduler.schedules set specs = '[{"type":"at","at":["2001-01-01T00:00:00Z"]}]'
    where id = ?), $last->{id});
$t->make_due($last, 'now()');
$t->waits(sub { $t->fates($last) eq 'succeeded' }, 'a last time');
is $t->get("/schedules/$last->{id}")->json->{state}, 'ended', 'after which there is none';
is $t->get("/schedules/$last->{id}")->json->{next_at}, undef;

# jitter: later, and always by the same

my ($nominal, $due);

for (1 .. 5) {                          # one that is put off by more than a moment
    my $j = $t->schedule(jitter_s => 3600);
    $t->make_due($j, 'now()');
    $t->waits(sub { $t->fates($j) }, 'a run that is put off');
    ($nominal, $due) = @{ ($p->sql('select extract(epoch from nominal_at)::bigint,
        extract(epoch from due_at)::bigint from scheduler.runs where schedule_id = ?',
        $j->{id}))[0] };
    last if $due > $nominal + 60;
    $t->delete("/schedules/$j->{id}");
}

cmp_ok $due, '>=', $nominal, 'not before its time';
cmp_ok $due, '<', $nominal + 3600, 'and by less than the jitter';
is $p->sql("select extract(epoch from run_at)::bigint from pando.jobs where kind = 'scheduler.run'
    and state = 'ready' and tenant_id = ?", $Pando::Token::TENANT), $due, 'so is its job';

# failures: tried again, told, and paused where that is asked for

my $f = $t->schedule(action => $t->http($bad), retries => 2, pause_on_failure => JSON::PP::true);
$t->make_due($f, 'now()');
$t->waits(sub { $t->fates($f) eq 'failed:status 500' }, 'a request that fails');
is scalar(() = $bad->requests), 3, 'is tried again, twice';
is scalar(keys %{{ map { $_->{headers}{'idempotency-key'} => 1 } $bad->requests }}), 1,
    'with one key';
is scalar(() = $t->told('schedule_run.failed', $f)), 1, 'which is told once';
$now = $t->get("/schedules/$f->{id}")->json;
is "$now->{state} $now->{note}", 'paused a run failed', 'and it is paused';
is $now->{current_run}, undef;

my $o = $t->schedule(action => $t->http($slow), retries => 0, timeout_s => 1);
$t->make_due($o, 'now()');
$t->waits(sub { $t->fates($o) eq 'timed_out:timeout' }, 'a request that takes too long');

done_testing;
