# A run that is due while another has not ended: each rule of overlap, fifty
# at once; runs that are canceled, run again, and those of a schedule that is
# deleted.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Pando;
use Time::HiRes qw(sleep);

# answers when its file is there
my $gate;
my $web = Pando::Elsewhere->web(sub {
    my ($c) = @_;
    for (1 .. 3000) { last if -e $gate; sleep 0.02 }
    $c->print(Pando::Elsewhere::answer(200, 'fine'));
});
my $t = Clockwork->new(to => [$web], workers => 2, http => 'pando_set
    scheduler.cancel_grace_seconds 1;');
my $p = $t->{p};
$gate = "$p->{dir}/gate";

# the receiver was forked before it had a name for its file
$web->stop;
$web = Pando::Elsewhere->web(sub {
    my ($c) = @_;
    for (1 .. 3000) { last if -e $gate; sleep 0.02 }
    $c->print(Pando::Elsewhere::answer(200, 'fine'));
}, port => $web->port);

sub open_gate { $p->write('gate', '') }
sub close_gate { unlink $gate }

sub busy
{
    my (%set) = @_;
    my $s = $t->schedule(action => $t->http($web), timeout_s => 120, %set);
    return $s;
}

sub trigger { my ($s) = @_; $t->post("/schedules/$s->{id}/trigger", {}) }

sub fifty
{
    my ($s) = @_;
    my @r = $p->parallel(map { [ 'POST', "/api/v1/schedules/$s->{id}/trigger",
        token => $t->{token}, timeout => 60, body => {} ] } 1 .. 50);
    return scalar grep { $_->{status} == 202 } @r;
}

# skip: fifty at once

close_gate();
my $s = busy();
is fifty($s), 50, 'fifty are triggered at once';
$t->waits(sub { $t->came($web) == 1 }, 'one runs');
is $p->sql("select count(*) from scheduler.runs where schedule_id = ? and state = 'skipped'",
    $s->{id}), 49, 'and the others are skipped';
open_gate();
$t->waits(sub { $t->counts($s) eq '49 skipped:overlap, 1 succeeded' }, 'which is how it stays');
is $t->came($web), 1;
my $r = $t->works(trigger($s), 'POST /schedules/{id}/trigger', 202);
is $r->{kind}, 'manual';
$t->waits(sub { $t->counts($s) =~ /2 succeeded/ }, 'then there is room again');

# a time that is named is run once

my $named = { at => '2026-01-01T00:00:00Z' };
my $a = $t->post("/schedules/$s->{id}/trigger", $named)->json;
is $t->post("/schedules/$s->{id}/trigger", $named)->json->{id}, $a->{id}, 'one run for a time';

# buffer_one: two of fifty

close_gate();
$s = busy(overlap => 'buffer_one');
fifty($s);
$t->waits(sub { $t->counts($s) =~ /1 (?:queued|running)/ }, 'buffer_one: one runs');
is $p->sql("select count(*) from scheduler.runs where schedule_id = ? and state = 'waiting'",
    $s->{id}), 1, 'and one waits';
is $p->sql("select state from scheduler.runs where schedule_id = ?
    order by nominal_at desc limit 1", $s->{id}), 'waiting', 'the newest';
open_gate();
$t->waits(sub { $t->counts($s) eq '48 skipped:replaced, 2 succeeded' }, 'two run');

# buffer_all: one after another

close_gate();
$s = busy(overlap => 'buffer_all');
trigger($s) for 1 .. 5;
open_gate();
$t->waits(sub { $t->counts($s) eq '5 succeeded' }, 'buffer_all: all run');
is $p->sql("select count(*) from scheduler.runs a join scheduler.runs b using (schedule_id)
    where schedule_id = ? and a.nominal_at < b.nominal_at and b.started_at < a.ended_at", $s->{id}),
    0, 'one after another';

close_gate();
$s = busy(overlap => 'buffer_all');
trigger($s);
$p->sql("insert into scheduler.runs (schedule_id, tenant_id, nominal_at, kind, due_at)
    select id, tenant_id, now() - n * interval '1 min', 'manual', now()
      from scheduler.schedules, generate_series(1, 100) as n where id = ?", $s->{id});
is trigger($s)->json->{error}, 'buffer_full', 'up to a hundred wait';
$t->delete("/schedules/$s->{id}");

# allow_all

close_gate();
$s = busy(overlap => 'allow_all');
trigger($s) for 1 .. 4;
my $before = $t->came($web);
$t->waits(sub { $p->sql("select count(*) from scheduler.runs where schedule_id = ? and
    state = 'running'", $s->{id}) == 4 }, 'allow_all: side by side');
open_gate();
$t->waits(sub { $t->counts($s) eq '4 succeeded' }, 'to their end');

# cancel_other

close_gate();
$s = busy(overlap => 'cancel_other');
trigger($s);
$t->waits(sub { $t->counts($s) eq '1 running' }, 'cancel_other: one runs');
trigger($s);
is $p->sql("select count(*) from scheduler.runs where schedule_id = ? and state = 'canceled'",
    $s->{id}), 1, 'and gives way to the next';
trigger($s);
open_gate();
$t->waits(sub { $t->counts($s) eq '2 canceled:another run took its place, 1 succeeded' },
    'the newest is the one that runs');
is $p->sql("select count(*) from pando.jobs where kind = 'scheduler.run'
    and state in ('ready', 'running') and tenant_id = ?", $Pando::Token::TENANT), 0,
    'no job is left';

# a run that is due while a triggered one runs is skipped, too

close_gate();
$s = busy();
trigger($s);
$t->make_due($s, 'now()');
$t->waits(sub { $t->counts($s) =~ /1 skipped:overlap/ }, 'so it is for those of the time');

# canceled, and run again

my ($id) = map { $_->{id} } grep { $_->{state} eq 'running' || $_->{state} eq 'queued' }
    @{ $t->get("/schedules/$s->{id}/runs")->json->{data} };
$t->fails($t->post("/schedule-runs/$id/retry"), 'POST /schedule-runs/{id}/retry',
    'illegal_transition');
is $t->works($t->post("/schedule-runs/$id/cancel"), 'POST /schedule-runs/{id}/cancel', 200)
    ->{state}, 'canceled';
$t->fails($t->post("/schedule-runs/$id/cancel"), 'POST /schedule-runs/{id}/cancel',
    'illegal_transition');
is $t->get("/schedules/$s->{id}")->json->{current_run}, undef, 'there is room';
open_gate();
$t->works($t->post("/schedule-runs/$id/retry"), 'POST /schedule-runs/{id}/retry', 200);
$t->waits(sub { $t->get("/schedule-runs/$id")->json->{state} eq 'succeeded' }, 'it runs again');

# deleted: what waits is canceled, what was is kept

close_gate();
$s = busy(overlap => 'buffer_all');
my @runs = map { trigger($s)->json->{id} } 1 .. 3;
$t->works($t->delete("/schedules/$s->{id}"), 'DELETE /schedules/{id}', 204);
is join(' ', map { $t->get("/schedule-runs/$_")->json->{state} } @runs), 'canceled ' x 2
    . 'canceled', 'a schedule that is deleted';
open_gate();

my $nobody = $Pando::Routes::NOBODY;
$t->fails($t->get("/schedules/$nobody/runs"), 'GET /schedules/{id}/runs', 'not_found');
$t->fails($t->post("/schedules/$nobody/trigger", {}), 'POST /schedules/{id}/trigger', 'not_found');
$t->fails($t->get("/schedule-runs/$nobody"), 'GET /schedule-runs/{id}', 'not_found');
for ('cancel', 'retry') {
    $t->fails($t->post("/schedule-runs/$nobody/$_"), "POST /schedule-runs/{id}/$_", 'not_found');
    is $t->post("/schedule-runs/$runs[0]/$_", undef, token => $Clockwork::OTHER)->{status}, 404,
        "another tenant: $_";
}
is $t->get("/schedule-runs/$runs[0]", token => $Clockwork::OTHER)->{status}, 404;
$t->all_provoked('scheduler_runs.c');

done_testing;
