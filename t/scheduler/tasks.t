# Tasks: done once, by a time or a delay; the same key is the same task; what
# is refused; jobs as actions, where they are let.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use JSON::PP;
use Pando;

my $web = Pando::Elsewhere->web(sub { $_[0]->print(Pando::Elsewhere::answer(200, 'fine')) });
my $t = Clockwork->new(to => [$web], workers => 2,
    http => 'pando_set scheduler.job_kinds "toil.rest  scheduler.look";');
my $p = $t->{p};
my $all = 'POST /scheduled-tasks';
my %event = (action => { type => 'event', name => 'trial.over', data => '{{local_date}}' });

my $task = $t->works($t->post('/scheduled-tasks', { delay_s => 3600, %event,
    dedupe_key => 'trial of 7' }), $all, 201);
is $task->{state}, 'waiting';
is $task->{run_id}, undef;
ok $p->sql("select ?::timestamptz between now() + interval '3590 s' and now() +
    interval '3602 s'", $task->{run_at}), 'in an hour';
is_deeply $t->works($t->get("/scheduled-tasks/$task->{id}"), 'GET /scheduled-tasks/{id}', 200),
    $task;
is_deeply $t->works($t->get('/scheduled-tasks'), 'GET /scheduled-tasks', 200)->{data}, [$task];
is_deeply $t->get('/schedules')->json->{data}, [], 'it is no schedule';

my $again = $t->post('/scheduled-tasks', { delay_s => 0, %event, dedupe_key => 'trial of 7' });
is $again->{status}, 200;
is $again->json->{id}, $task->{id}, 'the same key is the same task';
is $again->json->{run_at}, $task->{run_at}, 'as it was';

my @r = $p->parallel(map { [ 'POST', '/api/v1/scheduled-tasks', token => $t->{token},
    timeout => 60, body => { delay_s => 0, %event, dedupe_key => 'many' } ] } 1 .. 20);
is scalar(keys %{{ map { $_->json->{id} => 1 } @r }}), 1, 'also of twenty at once';
is scalar(grep { $_->{status} == 201 } @r), 1, 'one of which made it';
my $id = $r[0]->json->{id};
$t->waits(sub { $t->get("/scheduled-tasks/$id")->json->{state} eq 'succeeded' }, 'it is done');
is scalar(() = $t->told('custom.trial.over', { id => $id })), 1, 'once';
is $p->sql('select count(*) from scheduler.runs where schedule_id = ?', $id), 1;

# however late, with a request

my $h = $t->works($t->post('/scheduled-tasks', { run_at => '2020-02-29T10:00:00.4Z',
    action => $t->http($web, body => '{{nominal}} {{local_date}}'),
    time_zone => 'Pacific/Kiritimati' }), $all, 201);
like $h->{secret}, qr/^whsec_/, 'its secret';
$t->waits(sub { $t->get("/scheduled-tasks/$h->{id}")->json->{state} eq 'succeeded' },
    'late is not too late');
my ($rq) = $web->requests;
is $rq->{body}, '2020-02-29T10:00:01Z 2020-03-01', 'in whole seconds';
is $rq->{headers}{'idempotency-key'}, "$h->{id}-2020-02-29T10:00:01Z";
is $t->get("/scheduled-tasks/$h->{id}")->json->{result}{status}, 200;

# a job

my $j = $t->works($t->post('/scheduled-tasks', { delay_s => 0,
    action => { type => 'job', kind => 'toil.rest', payload => { n => 7 } } }), $all, 201);
$t->waits(sub { $t->get("/scheduled-tasks/$j->{id}")->json->{state} eq 'succeeded' }, 'a job');
is $p->sql("select payload ->> 'n' from pando.jobs where kind = 'toil.rest'"), 7, 'is enqueued';

# refused

sub refused
{
    my ($code, $at, %set) = @_;
    return $t->fails($t->post('/scheduled-tasks', { delay_s => 1, %event, %set }), $all, $code,
        $at);
}

refused('time_missing', '/run_at', run_at => '2030-01-01T00:00:00Z');
$t->fails($t->post('/scheduled-tasks', { %event }), $all, 'time_missing', '/run_at');
refused('invalid', '/delay_s', delay_s => -1);
refused('unknown_time_zone', '/time_zone', time_zone => 'Mars/Olympus');
refused('action_invalid', '/action/name', action => { type => 'event', name => 'A' });
refused('action_invalid', '/action/kind', action => { type => 'job' });
refused('action_invalid', '/action', action => { type => 'job', kind => 'toil.rest', name => 'x' });
refused('action_not_allowed', '/action/kind', action => { type => 'job', kind => 'toil.work' });
refused('action_not_allowed', '/action/kind', action => { type => 'job', kind => 'toil' });
refused('action_not_allowed', '/action/url',
    action => { type => 'http', url => 'https://192.168.0.1/' });

# removed

my $one = "/scheduled-tasks/$task->{id}";
for (['get'], ['delete']) {
    my ($verb) = @$_;
    is $t->$verb($one, token => $Clockwork::OTHER)->{status}, 404, "another tenant: $verb";
}
is $t->get("/schedules/$task->{id}")->{status}, 404, 'nor is it there as a schedule';
is $t->post("/schedules/$task->{id}/trigger", {})->{status}, 404;
$t->fails($t->delete($one, 'If-Match' => '"v9"'), 'DELETE /scheduled-tasks/{id}',
    'precondition_failed');
$t->works($t->delete($one), 'DELETE /scheduled-tasks/{id}', 204);
$t->fails($t->delete($one), 'DELETE /scheduled-tasks/{id}', 'not_found');
$t->fails($t->get($one), 'GET /scheduled-tasks/{id}', 'not_found');
is $t->post('/scheduled-tasks', { delay_s => 3600, %event, dedupe_key => 'trial of 7' })->{status},
    201, 'the key is free again';

$t->all_provoked('scheduler_tasks.c');

done_testing;
