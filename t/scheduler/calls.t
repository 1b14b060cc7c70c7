# What other domains ask, by the wrappers of scheduler_api.h: in process, over
# an upstream to a peer, and where the scheduler is nowhere; and health's
# recovery action that runs a schedule.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Pando;

my $operators = "pando_set health.tenant $Pando::Token::TENANT;";
my $t = Clockwork->new(domains => [ 'scheduler', 'timer', 'health' ], http => $operators,
    server => "pando_tenant $Pando::Token::TENANT; location /pando/calls { pando_calls; }");
my $p = $t->{p};
my $far = Pando->new(domains => ['timer'], redis => undef,
    http => "pando_peer scheduler unix:DIR/peers.sock;
             upstream scheduler { server 127.0.0.1:$p->{port}; keepalive 4; }
             server { listen unix:DIR/peers.sock;
                      location /pando/calls { proxy_pass http://scheduler;
                          proxy_http_version 1.1; proxy_set_header Connection ''; } }");
my %daily = (specs => [ $t->cron('30 2 * * *') ], time_zone => 'Europe/Berlin',
    action => { type => 'job', kind => 'timer.wash', payload => { n => 1 } });

for (['in process', $p], ['a peer', $far]) {
    my ($how, $node) = @$_;
    my $ask = sub {
        my ($call, %in) = @_;
        return $node->post("/api/v1/timer/$call", { name => "my $how", %in },
            token => { scope => '' })->{body};
    };

    # at, and taken back
    my ($id) = $ask->(at => at => '2999-01-01T00:00:00Z', action => { type => 'event' })
        =~ /^0 (\S+)$/ or fail;
    is $t->get("/scheduled-tasks/$id")->json->{run_at}, '2999-01-01T00:00:00Z', "$how: a task";
    is $ask->(at => at => '2030-01-01T00:00:00Z', action => { type => 'event' }), "0 $id",
        "$how: the same key is the same task";
    is $ask->('cancel'), '0 ', "$how: taken back";
    is $ask->('cancel'), '2 ', "$how: once";
    is $t->get("/scheduled-tasks/$id")->{status}, 404;
    is $ask->(at => at => '2030-01-01T00:00:00Z', action => { type => 'no' }), '1 ',
        "$how: an action that is none";

    ($id) = $ask->(at => at => '2020-01-01T00:00:00Z', action => $daily{action}) =~ /^0 (\S+)$/;
    $t->waits(sub { $t->get("/scheduled-tasks/$id")->json->{state} eq 'succeeded' }, "$how: late");
    is $p->sql("delete from pando.jobs where kind = 'timer.wash' returning payload ->> 'n'"), 1,
        "$how: a job of its own";

    # a schedule
    ($id) = $ask->(upsert => %daily) =~ /^0 (\S+)$/ or fail;
    my $s = $t->get("/schedules/$id")->json;
    is $s->{name}, "my $how", "$how: a schedule";
    is $ask->(upsert => %daily), "0 $id";
    is $t->get("/schedules/$id")->json->{version}, 1, "$how: which is so already";
    $ask->(upsert => %daily, time_zone => 'UTC');
    isnt $t->get("/schedules/$id")->json->{next_at}, $s->{next_at}, "$how: or is changed";
    $t->post("/schedules/$id/pause", {});
    $ask->(upsert => %daily);
    is $t->get("/schedules/$id")->json->{state}, 'paused', "$how: and stays paused";
    is $ask->(upsert => %daily, specs => [ $t->cron('0 0 30 2 *') ]), '1 ', "$how: never due";
    is $ask->(upsert => %daily, specs => []), '1 ';
    is $ask->(upsert => %daily, time_zone => 'X'), '1 ';

    # when
    is $ask->(next => specs => $daily{specs}, time_zone => 'Europe/Berlin',
        at => '2026-03-28T12:00:00Z'), '0 2026-03-29T01:30:00Z', "$how: the next time";
    is $ask->(next => specs => [ { type => 'rrule', rule => 'FREQ=SECONDLY',
        start => '2026-01-01T00:00' } ], at => '2026-03-28T12:00:00Z'), '1 ';

    # run
    my ($run) = $ask->('trigger') =~ /^0 (\S+)$/ or fail;
    $t->waits(sub { $t->get("/schedule-runs/$run")->json->{state} eq 'succeeded' },
        "$how: run by its name");
    like $ask->(trigger => name => $id), qr/^0 /, "$how: or its id";
    is $ask->(trigger => name => 'none'), '2 ', "$how: there is none";
    is $ask->(trigger => name => $Pando::Routes::NOBODY), '2 ';
    is $node->post('/api/v1/timer/trigger', { name => $id }, token => { scope => '',
        tid => $Pando::Token::OTHER })->{body}, '2 ', "$how: nor another tenant's";
}

my $alone = Pando->new(domains => ['timer'], redis => undef);
is $alone->post('/api/v1/timer/trigger', { name => 'x' }, token => { scope => '' })->{body}, '-1 ',
    'without a scheduler the caller is told';

# health's action

my %guard = (held_s => 0, cooldown_s => 0, per_hour => 60, attempts => 60, verify_s => 0);
my $s = $t->schedule(name => 'nightly repair');

sub repaired
{
    my ($target) = @_;
    my %admin = (token => { scope => 'health:admin' });
    my $rule = $p->post('/api/v1/recovery-actions', { name => "r $target",
        component => 'storage', action => 'run_schedule', target => $target, guard => \%guard,
        enabled => \0 }, %admin)->json;
    my $run = $p->post("/api/v1/recovery-actions/$rule->{id}/run", undef, %admin)->json;
    $p->sql('select health.judge_runs()');
    return "$run->{outcome} $run->{says}";
}

like repaired('nightly repair'), qr/^running run /, 'a recovery action runs a schedule';
$t->waits(sub { $t->fates($s) eq 'succeeded' }, 'which is done');
is repaired('none such'), 'failed there is no such schedule';

done_testing;
