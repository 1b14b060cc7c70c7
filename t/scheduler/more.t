# Periods that are filled in afterwards, also through the death of workers;
# tenants and users that are suspended; rules of time zones that change;
# schedules that are replaced.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use JSON::PP;
use Pando;

my $t = Clockwork->new(workers => 2, http => 'pando_jobs lease=2s;');
my $p = $t->{p};
my $route = 'POST /schedules/{id}/backfill';

# a thousand periods, of which some were run, and workers that die meanwhile

my $s = $t->schedule(specs => [ { type => 'interval', every => 'PT1H' } ]);
my %period = (from => '2026-01-01T00:00:00Z', to => '2026-02-11T16:00:00Z');
$t->post("/schedules/$s->{id}/backfill", { from => '2026-01-01T10:00:00Z',
    to => '2026-01-01T12:00:00Z' });
$t->waits(sub { $t->fates($s) eq 'succeeded succeeded' }, 'two hours');

my $j = $t->works($t->post("/schedules/$s->{id}/backfill", \%period), $route, 202);
is "$j->{times} $j->{runs}", '1000 998', 'a thousand, of which two were run';

for my $at (50, 200) {
    $t->waits(sub { $p->sql("select count(*) from scheduler.runs where schedule_id = ?
        and state = 'succeeded'", $s->{id}) > $at }, "more than $at are done");
    $p->kill_worker('KILL', ($p->worker_pids)[0]);
}

$t->waits(sub { $t->counts($s) eq '1000 succeeded' }, 'all are done', 120) or diag $t->counts($s);
is scalar(() = $t->told('schedule.fired', $s)), 1000, 'each once';
is $t->post("/schedules/$s->{id}/backfill", \%period)->json->{runs}, 0, 'and never again';

my $side = $t->schedule(specs => [ { type => 'interval', every => 'PT1H' } ],
    overlap => 'allow_all');
is $t->post("/schedules/$side->{id}/backfill", { from => '2026-01-01T00:00:00Z',
    to => '2026-01-01T05:00:00Z' })->json->{runs}, 5;
is $p->sql("select round(extract(epoch from max(due_at) - min(due_at)) * 10) from scheduler.runs
    where schedule_id = ?", $side->{id}), 4, 'ten a second, side by side';
$t->waits(sub { $t->counts($side) eq '5 succeeded' }, 'to their end');

$t->fails($t->post("/schedules/$s->{id}/backfill", { from => '2020-01-01T00:00:00Z',
    to => '2026-01-01T00:00:00Z' }), $route, 'backfill_too_large', '/to');
$t->fails($t->post("/schedules/$s->{id}/backfill", { from => $period{to}, to => $period{from} }),
    $route, 'period_invalid', '/to');
$t->fails($t->post("/schedules/$Pando::Routes::NOBODY/backfill", \%period), $route, 'not_found');
is $t->post("/schedules/$s->{id}/backfill", \%period, token => $Clockwork::OTHER)->{status}, 404,
    'another tenant';
is $t->post("/schedules/$s->{id}/backfill", { from => '2026-11-01T00:00:00Z',
    to => '2999-01-01T00:00:00Z' })->json->{times},
    $p->sql("select floor(extract(epoch from now() - timestamptz '2026-11-01 00:00Z') / 3600)::int
        + (now() > date_trunc('hour', now()))::int"), 'nothing of what is to come';

# tenants and users

sub announce { $p->sql('select pando.emit(?, ?, 1, ?, ?)', $Pando::Token::TENANT, @_, '{}') }
sub state_of
{
    my $j = $t->get("/schedules/$_[0]{id}")->json;
    return "$j->{state} " . ($j->{note} // '');
}

my $a = $t->schedule;
my $held = $t->schedule;
$t->post("/schedules/$held->{id}/pause", { note => 'by hand' });
my $theirs = $t->schedule(token => $Clockwork::OTHER);
announce('tenant.suspended', $Pando::Token::TENANT);
$t->waits(sub { state_of($a) eq 'paused the tenant is suspended' }, 'a tenant is suspended');
is state_of($held), 'paused by hand', 'what was paused is as it was';
is $t->get("/schedules/$theirs->{id}", token => $Clockwork::OTHER)->json->{state}, 'active',
    'and so is what others have';
announce('tenant.resumed', $Pando::Token::TENANT);
$t->waits(sub { state_of($a) eq 'active ' }, 'it is resumed');
ok $t->get("/schedules/$a->{id}")->json->{next_at}, 'with a next time';
is state_of($held), 'paused by hand', 'but not what was paused by hand';

my $owner = '01900000-0000-7000-8000-00000000abcd';
my $own = $t->schedule(token => { scope => 'scheduler:admin', sub => $owner });
announce('user.suspended', $owner);
$t->waits(sub { state_of($own) eq 'paused its owner is suspended' }, 'a user is suspended');
is state_of($a), 'active ', 'what others have made goes on';
announce("tenant.$_", $Pando::Token::TENANT) for 'suspended', 'resumed';
$t->waits(sub { $p->sql('select version from scheduler.schedules where id = ?', $a->{id}) == 5
    && state_of($a) eq 'active ' }, 'both are heard');
is state_of($own), 'paused its owner is suspended', 'a tenant that is resumed does not change that';

# new rules of time zones

my $zoned = $t->schedule(specs => [ $t->cron('30 2 * * *') ], time_zone => 'Europe/Berlin');
$p->sql("insert into scheduler.zone_rules (version) values ('1999a') on conflict (one)
    do update set version = '1999a'");
$p->sql("update scheduler.schedules set next_at = next_at + interval '1 h' where id = ?",
    $zoned->{id});
$p->sql("select pando.enqueue('scheduler.zones'), pg_notify('pando_jobs', 'more')");
$t->waits(sub { $t->get("/schedules/$zoned->{id}")->json->{next_at} eq $zoned->{next_at} },
    'with new rules the next time is found anew');
$t->waits(sub { $p->sql('select version from scheduler.zone_rules') =~ /^20/ },
    'and they are noted');

# replaced

my $put = 'PUT /schedules/{id}';
my %new = (name => 'new', specs => [ $t->cron('0 0 * * *') ], action => { type => 'event' });
my $r = $t->schedule(retries => 7, remaining => 5, time_zone => 'Europe/Berlin');
my $n = $t->works($t->put("/schedules/$r->{id}", \%new, 'If-Match' => '"v1"'), $put, 200);
is "$n->{retries} $n->{time_zone} $n->{name}", '3 UTC new', 'what is not named is as in a new one';
is $n->{remaining}, undef;
for (['precondition_failed', undef, {}, 'If-Match' => '"v1"'],
     ['schedule_name_taken', '/name', { name => $a->{name} }],
     ['unknown_time_zone', '/time_zone', { time_zone => 'X' }],
     ['spec_invalid', '/specs/0/expression', { specs => [ $t->cron('x') ] }],
     ['spec_never_fires', '/specs', { ends_at => '2020-01-01T00:00:00Z' }],
     ['too_frequent', '/specs', { specs => [ { type => 'interval', every => 'PT1S' } ] }],
     ['action_invalid', '/action/url', { action => { type => 'http' } }],
     ['action_not_allowed', '/action/kind', { action => { type => 'job', kind => 'a.b' } }]) {
    my ($code, $at, $body, @more) = @$_;
    $t->fails($t->put("/schedules/$r->{id}", { %new, %$body }, @more), $put, $code, $at);
}
$t->fails($t->put("/schedules/$Pando::Routes::NOBODY", \%new), $put, 'not_found');

$t->all_provoked('scheduler_backfill.c');

done_testing;
