# Work for programs outside: durable calls, their queue paused and bounded and
# fair; jobs that die are told of; and calls of other domains, by who may.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Digest::SHA qw(hmac_sha256);
use JSON::PP;
use MIME::Base64;
use Pando;

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my $n = $rq->{path} eq '/flaky' ? grep { /flaky/ } split ' ', slurp() : 0;
    note_one($rq->{path}) if $rq->{path} eq '/flaky';
    $s->print(Pando::Elsewhere::answer($rq->{path} eq '/no' ? 404
        : $rq->{path} eq '/flaky' && $n < 2 ? 503 : 200, 'fine'));
});
use File::Temp;
my $seen;
BEGIN { $seen = File::Temp->new->filename }
sub slurp { open my $in, '<', $seen or return ''; local $/; return scalar(<$in>) // '' }
sub note_one { open my $out, '>>', $seen or return; print $out "flaky\n" }
END { unlink $seen if $seen }

my $tenant = $Pando::Token::TENANT;
my $t = Clockwork->new(to => [$web], workers => 2, domains => [qw(scheduler sms toil)],
    http => "pando_set scheduler.operators $tenant;
             pando_set scheduler.calls 'sms.send=sms:write  x.y=a:b';");
my $p = $t->{p};
my $home = 'http://127.0.0.1:' . $web->port;
my $all = 'POST /jobs';
my $set = 'PATCH /job-queues/{queue}';
my %http = (type => 'http', url => "$home/work", body => 'do it');

sub job { my ($j) = @_; return $t->get("/jobs/$j->{id}")->json }
sub ends { my ($j, $state, $name) = @_; $t->waits(sub { job($j)->{state} eq $state }, $name) }
sub came_to { my ($path) = @_; return grep { $_->{path} eq $path } $web->requests }


# a call

my $j = $t->works($t->post('/jobs', { action => \%http }), $all, 202);
like $j->{secret}, qr/^whsec_/, 'a call has a secret';
is "$j->{kind} $j->{queue} $j->{state}", 'scheduler.call calls ready';
unlike encode_json(job($j)), qr/work|do it/, 'what it says is kept to itself';
ends($j, 'done', 'it is done');
my ($rq) = came_to('/work');
is $rq->{body}, 'do it';
my ($key) = $j->{secret} =~ /^whsec_(.*)/;
is $rq->{headers}{'webhook-signature'}, 'v1,' . encode_base64(hmac_sha256(join('.',
    @{ $rq->{headers} }{qw(webhook-id webhook-timestamp)}, 'do it'), decode_base64($key)), ''),
    'signed';
like $rq->{headers}{'idempotency-key'}, qr/^\Q$j->{id}\E-/;

$j = $t->post('/jobs', { action => { %http, url => "$home/flaky" } })->json;
ends($j, 'done', 'one that is refused twice comes a third time');
is scalar(keys %{{ map { $_->{headers}{'idempotency-key'} => 1 } came_to('/flaky') }}), 1,
    'with the same key';
$j = $t->post('/jobs', { action => { %http, url => "$home/no" } })->json;
ends($j, 'dead', 'one that is not wanted is dead');
is scalar(() = came_to('/no')), 1, 'at once';
is job($j)->{error}, 'status 404';
my ($told) = $p->sql("select data from pando.outbox where type = 'job.dead'
    and subject = ?", $j->{id});
is_deeply decode_json($told->[0]), { id => $j->{id}, queue => 'calls', kind => 'scheduler.call',
    attempts => 1, error => 'status 404' }, 'which is told';
$j = $t->post('/jobs', { action => { %http, url => "$home/flaky2" }, unique_key => 'k',
    delay_s => 3600 })->json;
is $t->post('/jobs', { action => \%http, unique_key => 'k' })->json->{id}, $j->{id},
    'of one key there is one';
is job($j)->{why}, 'run_at', 'it waits for its time';
$t->fails($t->post('/jobs', { action => { type => 'event' } }), $all, 'action_not_allowed',
    '/action/type');
$t->fails($t->post('/jobs', { action => { %http, url => 'http://10.0.0.1/' } }), $all,
    'action_not_allowed', '/action/url');
$t->fails($t->post('/jobs', { action => { %http, name => 'x' } }), $all, 'action_invalid',
    '/action');
is $t->get("/jobs/$j->{id}", token => $Clockwork::OTHER)->{status}, 404, 'another tenant';


# its queue

my $q = $t->works($t->patch('/job-queues/calls', { paused => \1 }), $set, 200);
is_deeply $q, { queue => 'calls', tenant_id => undef, paused => JSON::PP::true,
    max_running => undef, weight => 1 }, 'a queue is paused';
my $held = $t->post('/jobs', { action => { %http, url => "$home/held" } })->json;
is job($held)->{why}, 'queue_paused', 'what waits says so';
$t->patch('/job-queues/calls', { paused => \0, max_running => 1 });
ends($held, 'done', 'until it goes on');
$q = $t->patch('/job-queues/calls', { tenant => $tenant, paused => \1, weight => 2.5 })->json;
is "$q->{tenant_id} $q->{weight}", "$tenant 2.5", 'for one tenant';
$held = $t->post('/jobs', { action => { %http, url => "$home/held2" } })->json;
is job($held)->{why}, 'tenant_paused';
my $theirs = $t->post('/jobs', { action => { %http, url => "$home/theirs" } },
    token => $Clockwork::OTHER)->json;
$t->waits(sub { came_to('/theirs') }, 'others go on');
$p->sql("insert into pando.jobs (tenant_id, queue, kind, state, lease_until) values
    (?, 'calls', 'scheduler.call', 'running', now() + interval '1 hour')", $tenant);
$t->patch('/job-queues/calls', { tenant => $tenant, paused => \0 });
is job($held)->{why}, 'max_running', 'as many run as may';
$p->sql("delete from pando.jobs where state = 'running' and lease_by is null");
$t->patch('/job-queues/calls', { max_running => undef });
ends($held, 'done', 'then it is its turn');
is $t->get('/job-queues')->json->{data}[0]{max_running}, undef, 'no bound any more';
$t->fails($t->patch('/job-queues/calls', {}, token => $Clockwork::OTHER), $set, 'forbidden');
$t->fails($t->patch('/job-queues/calls', { weight => 0 }), $set, 'weight_invalid', '/weight');
$t->fails($t->patch('/job-queues/Calls', {}), $set, 'queue_invalid');


# a tenant with a hundred thousand jobs does not keep another one waiting

$p->sql("insert into pando.jobs (tenant_id, queue, kind, payload)
    select ?, 'toil', 'toil.work', '{\"n\":1,\"ms\":20}' from generate_series(1, 100000)", $tenant);
$p->sql("select pando.lane_wake('toil.work', ?, clock_timestamp()),
    pg_notify('pando_jobs', 'more')", $tenant);
my $rest = sub { $p->sql("select count(*) from pando.jobs where kind = 'toil.work'
    and tenant_id = ? and state <> 'ready'", $tenant) };
$t->waits(sub { $rest->() > 50 }, 'a tenant has a hundred thousand jobs');
$p->sql("select pando.enqueue('toil.work', '{\"n\":2}', ?), pg_notify('pando_jobs', 'more')",
    $Pando::Token::OTHER);
$t->waits(sub { $p->sql("select count(*) from pando.jobs where kind = 'toil.work'
    and tenant_id = ? and started_at is not null", $Pando::Token::OTHER) }, 'another has one');
my ($got) = $p->sql("select extract(epoch from o.started_at - o.created_at),
        (select count(*) from pando.jobs as j where j.kind = 'toil.work' and j.tenant_id = ?
            and j.started_at between o.created_at and o.started_at)
    from pando.jobs as o where o.kind = 'toil.work' and o.tenant_id = ?", $tenant,
    $Pando::Token::OTHER);
cmp_ok $got->[1], '<=', 200, 'which does not wait for more than those that were claimed'
    or diag "@$got";
diag sprintf 'its start took %.0f ms, %d of the others began before', $got->[0] * 1000, $got->[1];
$p->sql("update pando.jobs set state = 'canceled', ended_at = now() where kind = 'toil.work'
    and state = 'ready'");


# calls of other domains

my $owner = '01900000-0000-7000-8000-00000000cafe';
my %as = (token => { scope => 'scheduler:admin sms:write', sub => $owner });
my %call = (type => 'call', name => 'sms.send', payload => { to => '+4915123456789',
    lane => 'transactional', body => 'on {{local_date}}' });
my $s = $t->schedule(action => \%call, catchup_s => 86400, %as);
$t->make_due($s, 'now()');
$t->waits(sub { $t->fates($s) eq 'succeeded' }, 'another domain is called') or diag $t->fates($s);
$t->waits(sub { $p->sql("select count(*) from sms.outbox
    where body ~ '^on \\d{4}-\\d\\d-\\d\\d\$'") },
    'with the run\'s own day');
my $run = $t->get("/schedules/$s->{id}/runs")->json->{data}[0];
is $run->{result}{state}, 'queued', 'what it said is kept';

my $bad = 'POST /schedules';
my $n = 0;
sub refused
{
    my ($code, $at, $action, @as) = @_;
    my %in = (name => 'r' . ++$n, specs => [ $t->cron('0 0 1 1 *') ]);
    $t->fails($t->post('/schedules', { %in, action => { %call, %$action } }, @as), $bad, $code,
        $at);
}
refused('action_not_allowed', '/action/name', {});
refused('action_not_allowed', '/action/name', { name => 'sms.is_opted_out' }, %as);
refused('action_not_allowed', '/action/name', { name => 'sms' }, %as);
refused('action_not_allowed', '/action/name', { name => 'x.y' }, %as);
refused('action_invalid', '/action', { url => 'https://example.com/' }, %as);
refused('action_invalid', '/action/payload', { payload => { a => '{{other}}' } }, %as);
my $wrong = $t->schedule(action => { %call, payload => { nothing => 1 } }, retries => 0, %as);
$t->make_due($wrong, 'now()');
$t->waits(sub { $t->fates($wrong) eq 'failed:the payload is not what the call takes' },
    'what a call does not take');
my $no = $t->schedule(action => { %call, payload => { %{ $call{payload} }, to => 'me' } },
    retries => 0, %as);
$t->make_due($no, 'now()');
$t->waits(sub { $t->fates($no) eq 'failed:the call said 2' }, 'what it refuses');

# the owner loses the scope

my $before = $p->sql('select count(*) from sms.messages');
my $task = $t->post('/scheduled-tasks', { delay_s => 3600, action => \%call }, %as)->json;
$p->sql('select pando.emit(?, ?, 1, ?, ?)', $tenant, 'permission.revoked', $owner,
    encode_json({ scope => 'sms:write' }));
$t->waits(sub { !$p->sql("select count(*) from scheduler.schedules where owner = ?
    and scopes <> '{}'", $owner) }, 'the owner loses the scope');
$t->make_due($s, "now() - interval '1 hour'");
$t->waits(sub { $t->fates($s) =~ /owner_lost_scope/ }, 'a run of theirs fails');
is $t->fates($s), 'failed:owner_lost_scope succeeded', 'and says why';
is $p->sql("select attempt from scheduler.runs where error = 'owner_lost_scope'"), 1,
    'it is not tried again';
$t->make_due($task, "now()");
$t->waits(sub { $t->get("/scheduled-tasks/$task->{id}")->json->{error} }, 'a task, too');
is $t->get("/scheduled-tasks/$task->{id}")->json->{error}, 'owner_lost_scope';
is $p->sql('select count(*) from sms.messages'), $before, 'nothing is called';
$t->works($t->patch("/schedules/$s->{id}", { action => \%call }, %as), 'PATCH /schedules/{id}',
    200);
$t->make_due($s, "now() - interval '2 hours'");
$t->waits(sub { $t->fates($s) eq 'succeeded failed:owner_lost_scope succeeded' },
    'who may saves it anew');

$t->all_provoked('scheduler_outside.c');
unlike $p->log, qr/do it/, 'what calls say is in no log';

done_testing;
