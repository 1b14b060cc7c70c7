# Schedules and their routes: what is taken, what is refused and where, what
# another tenant sees; pausing, resuming, leaving a time out.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Pando;

my $t = Clockwork->new(http => 'pando_set scheduler.plain_http off;
    pando_set scheduler.max_schedules 12;');
my $p = $t->{p};
my $all = 'POST /schedules';
my $one = 'PATCH /schedules/{id}';
my %in = (specs => [ $t->cron('30 2 * * *') ], time_zone => 'Europe/Berlin',
    action => { type => 'event', name => 'report.due', data => { day => '{{local_date}}' } });

my $s = $t->works($t->post('/schedules', { name => 'report', %in }), $all, 201);
is $s->{state}, 'active';
is $s->{overlap}, 'skip', 'defaults';
is $s->{catchup_s}, 60;
ok !exists $s->{secret}, 'an event needs no secret';
ok $p->sql("select ?::timestamptz between now() and now() + interval '25 h'", $s->{next_at}),
    'its next time';
is $p->sql("select count(*) from pando.jobs where kind = 'scheduler.fire' and state = 'ready'
    and run_at = ?", $s->{next_at}), 1, 'a job waits for it';
is_deeply $t->works($t->get("/schedules/$s->{id}"), 'GET /schedules/{id}', 200), $s;
is_deeply $t->works($t->get('/schedules'), 'GET /schedules', 200)->{data}, [$s];

# http: a secret, shown once

my %http = (action => { type => 'http', url => 'https://hooks.example.com/x',
    headers => { 'X-A' => 'b' }, body => '{"at":"{{nominal}}"}' });
my $h = $t->works($t->post('/schedules', { name => 'call', %in, %http }), $all, 201);
like $h->{secret}, qr/^whsec_/, 'a secret';
unlike $t->get('/schedules')->{body}, qr/whsec_|secret/, 'is not shown again';

# what is refused

sub refused
{
    my ($code, $at, %set) = @_;
    return $t->fails($t->post('/schedules', { name => 'x', %in, %set }), $all, $code, $at);
}

refused('schedule_name_taken', '/name', name => 'report');
refused('unknown_time_zone', '/time_zone', time_zone => 'Mars/Olympus');
refused('spec_invalid', '/specs/0/expression', specs => [ $t->cron('61 * * * *') ]);
refused('spec_never_fires', '/specs', specs => [ $t->cron('0 0 30 2 *') ]);
refused('spec_never_fires', '/specs',
    specs => [ { type => 'at', at => ['2020-01-01T00:00:00Z'] } ]);
refused('spec_never_fires', '/specs', ends_at => '2020-01-01T00:00:00Z');
refused('too_frequent', '/specs', specs => [ $t->cron('* * * * * *') ]);
refused('too_frequent', '/specs', specs => [ $t->cron('0 * * * *'), $t->cron('30 0 * * * *') ]);
refused('too_frequent', '/specs', specs => [ { type => 'interval', every => 'PT59S' } ]);
refused('invalid', '/catchup_s', catchup_s => 9);
refused('invalid', '/overlap', overlap => 'never');
refused('invalid', '/specs', specs => []);

for (['action_invalid', '/action/url', type => 'http'],
     ['action_invalid', '/action', type => 'http', url => 'https://a.example.com/', name => 'x'],
     ['action_invalid', '/action', type => 'event', url => 'https://a.example.com/'],
     ['action_invalid', '/action/name', type => 'event', name => '.x'],
     ['action_invalid', '/action/name', type => 'event', name => 'X'],
     ['action_invalid', '/action/data', type => 'event', data => { a => '{{secret}}' }],
     ['action_invalid', '/action/data', type => 'event', data => { a => '{{nominal' }],
     ['action_invalid', '/action/body', type => 'http', url => 'https://a.example.com/',
      body => '{{tenant}}'],
     ['action_invalid', '/action/headers', type => 'http', url => 'https://a.example.com/',
      headers => { 'webhook-id' => 'mine' }],
     ['action_invalid', '/action/headers', type => 'http', url => 'https://a.example.com/',
      headers => { 'X' => "a\r\nb" }],
     ['action_invalid', '/action/headers', type => 'http', url => 'https://a.example.com/',
      headers => [1]],
     ['action_not_allowed', '/action/url', type => 'http', url => 'http://a.example.com/'],
     ['action_not_allowed', '/action/url', type => 'http', url => 'https://10.0.0.1/'],
     ['action_not_allowed', '/action/url', type => 'http', url => 'https://169.254.169.254/'],
     ['invalid', '/action/type', type => 'shell']) {
    my ($code, $at, %action) = @$_;
    refused($code, $at, action => \%action);
}

# changes

my $was = $s->{next_at};
my $c = $t->works($t->patch("/schedules/$s->{id}", { specs => [ $t->cron('0 12 1 1 *') ],
    retries => 0 }, 'If-Match' => '"v1"'), $one, 200);
isnt $c->{next_at}, $was, 'its next time is found anew';
is $c->{retries}, 0;
is $c->{time_zone}, 'Europe/Berlin', 'what is not named stays';
is $p->sql("select count(*) from pando.jobs where kind = 'scheduler.fire' and state = 'ready'
    and run_at = ?", $c->{next_at}), 1, 'and a job waits for it';
is $t->patch("/schedules/$s->{id}", { ends_at => '2999-01-01T00:00:00Z' })->json->{ends_at},
    '2999-01-01T00:00:00Z';
is $t->patch("/schedules/$s->{id}", { ends_at => undef })->json->{ends_at}, undef,
    'null takes away';
like $t->patch("/schedules/$s->{id}", { %http })->json->{secret}, qr/^whsec_/,
    'a secret where one is needed';
ok !exists $t->patch("/schedules/$s->{id}", { %http })->json->{secret}, 'and no other later';

for (['precondition_failed', undef, { retries => 1 }, 'If-Match' => '"v1"'],
     ['schedule_name_taken', '/name', { name => 'call' }],
     ['unknown_time_zone', '/time_zone', { time_zone => 'Mars/Olympus' }],
     ['spec_invalid', '/specs/0/every', { specs => [ { type => 'interval', every => 'x' } ] }],
     ['spec_never_fires', '/specs', { ends_at => '2020-01-01T00:00:00Z' }],
     ['too_frequent', '/specs', { specs => [ { type => 'interval', every => 'PT1S' } ] }],
     ['action_invalid', '/action/name', { action => { type => 'event', name => 'x..y' } }],
     ['action_not_allowed', '/action/url',
      { action => { type => 'http', url => 'http://a.b/' } }]) {
    my ($code, $at, $body, @more) = @$_;
    $t->fails($t->patch("/schedules/$s->{id}", $body, @more), $one, $code, $at);
    $t->fails($t->put("/schedules/$s->{id}", { name => 'report', %in, %$body }, @more),
        'PUT /schedules/{id}', $code, $at);
}

# states

my $id = "/schedules/$s->{id}";
my %away = (exclude_calendars => [$Pando::Routes::NOBODY]);
$t->fails($t->post('/schedules', { name => 'x', %in, %away }), $all, 'unknown_calendar',
    '/exclude_calendars/0');
$t->fails($t->patch($id, \%away), $one, 'unknown_calendar', '/exclude_calendars/0');
$t->fails($t->put($id, { name => 'x', %in, %away }), 'PUT /schedules/{id}', 'unknown_calendar',
    '/exclude_calendars/0');
my $r = $t->works($t->post("$id/skip-next"), 'POST /schedules/{id}/skip-next', 200);
cmp_ok $r->{next_at}, 'gt', $c->{next_at}, 'the next time is left out';
$r = $t->works($t->post("$id/pause", { note => 'on holiday' }), 'POST /schedules/{id}/pause', 200);
is "$r->{state} $r->{note}", 'paused on holiday';
is $r->{next_at}, undef;
is scalar(() = $t->told('schedule.paused', $s)), 1, 'which is told';
is $t->patch($id, { priority => 5 })->json->{state}, 'paused', 'a change leaves it paused';
$t->fails($t->post("$id/pause", {}), 'POST /schedules/{id}/pause', 'schedule_not_active');
$t->fails($t->post("$id/skip-next"), 'POST /schedules/{id}/skip-next', 'schedule_not_active');
$r = $t->works($t->post("$id/resume", {}), 'POST /schedules/{id}/resume', 200);
is "$r->{state} $r->{next_at}", "active $c->{next_at}";
is $r->{note}, undef;
$t->fails($t->post("$id/resume", {}), 'POST /schedules/{id}/resume', 'schedule_not_paused');

my $once = $t->schedule(specs => [ { type => 'at', at => ['2999-01-01T00:00:00Z'] } ]);
$t->fails($t->post("/schedules/$once->{id}/skip-next"), 'POST /schedules/{id}/skip-next',
    'spec_never_fires', '/specs');
$t->post("/schedules/$once->{id}/pause", {});
$p->sql("update scheduler.schedules set ends_at = now() where id = ?", $once->{id});
$t->fails($t->post("/schedules/$once->{id}/resume", {}), 'POST /schedules/{id}/resume',
    'spec_never_fires', '/specs');

# another tenant

for (['get', ''], ['patch', '', { retries => 1 }], ['delete', ''], ['post', '/pause', {}],
     ['post', '/resume', {}], ['post', '/skip-next', undef], ['post', '/trigger', {}],
     ['get', '/runs']) {
    my ($verb, $path, @body) = @$_;
    is $t->$verb("$id$path", @body, token => $Clockwork::OTHER)->{status}, 404,
        "another tenant: $verb $path";
}

is_deeply $t->get('/schedules', token => $Clockwork::OTHER)->json->{data}, [];
my $theirs = $t->schedule(name => 'report', token => $Clockwork::OTHER);
ok $theirs->{id}, 'names are each tenant\'s own';

$t->schedule for 1 .. 9;
refused('too_many_schedules', undef);
my $nobody = $Pando::Routes::NOBODY;
$t->fails($t->get("/schedules/$nobody"), 'GET /schedules/{id}', 'not_found');
$t->fails($t->patch("/schedules/$nobody", { retries => 1 }), $one, 'not_found');
$t->fails($t->put("/schedules/$nobody", { name => 'x', %in }), 'PUT /schedules/{id}',
    'not_found');
for ('pause', 'resume') {
    $t->fails($t->post("/schedules/$nobody/$_", {}), "POST /schedules/{id}/$_", 'not_found');
}
$t->fails($t->post("/schedules/$nobody/skip-next"), 'POST /schedules/{id}/skip-next', 'not_found');
$t->fails($t->delete($id, 'If-Match' => '"v1"'), 'DELETE /schedules/{id}', 'precondition_failed');
$t->works($t->delete($id), 'DELETE /schedules/{id}', 204);
$t->fails($t->delete($id), 'DELETE /schedules/{id}', 'not_found');

$t->all_provoked('scheduler_schedules.c', 'scheduler_states.c');
unlike $p->log . $p->log('access.log'), qr/whsec_/, 'no secret is in a log';

done_testing;
