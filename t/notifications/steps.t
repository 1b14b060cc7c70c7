# Steps: those with conditions, those that come after a failure, webhooks of the
# tenant as a channel; digests that wait for more; two users who are one; and
# requests for many that are held up, paced, and go on.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Told;

my $answer = \&Pando::Elsewhere::answer;
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    $s->print($answer->($rq->{path} eq '/500' ? 500 : 200, ''));
});
my $t = Told->new(workers => 2, to => [$web], domains => [qw(notifications webhooks)],
    http => 'pando_jobs lease=2s; pando_set notifications.push live;
             pando_set webhooks.plain_http on;');
my $p = $t->{p};
my %text = (content => { title => 'Hello' });
my $one = sub { my @row = $p->sql(@_); return $row[0][0] };
my $to = sub { return (to => { users => [ map { $_->{id} } @_ ] }) };
my $at = 'http://127.0.0.1:' . $web->port;

# What waits for its turn has it now.
sub hurry
{
    $p->sql("update pando.jobs set run_at = now() where kind = 'notifications.step'
             and state = 'ready'");
    $p->sql("select pando.lane_wake('notifications.step', ?, now())", $Pando::Token::TENANT);
}


# Conditions

my @rise = map { { channel => $_, locale => 'en', title => "$_ {{n}}" } } qw(in_app push);
my $flow = sub { [ { channel => 'push', after_s => 3600, condition => $_[0] } ] };
my $add = 'POST /notification-templates';
$t->fails($t->post('/notification-templates', { key => 'bad', contents => \@rise,
    flow => $flow->($_) }), $add, 'condition_invalid', '/flow/0/condition', "refused: $_")
    for 'data.n >', 'size(data)', 'nobody.knows == 1', '"text"';
$t->template(rise => \@rise, flow => $flow->('data.n > 5 && unread > 0 && locale == "de-AT"'));
is $t->get('/notification-templates/rise')->json->{flow}[0]{condition},
    'data.n > 5 && unread > 0 && locale == "de-AT"', 'it is shown';

my ($ann, $bob, $carl) = map { my $u = $t->user; $t->device($u); $u } 1 .. 3;
$t->put('/notification-preferences/contact', { locale => 'de-AT' }, token => $_->{token})
    for $ann, $bob;
my $high = $t->send(template => 'rise', $to->($ann, $carl), data => { n => 9 });
my $low = $t->send(template => 'rise', $to->($bob), data => { n => 3 });
my $steps = sub { $one->("select count(*) from pando.jobs where kind = 'notifications.step'
    and state in ('ready', 'running')") };
is $steps->(), 3, 'steps wait';
hurry();
$t->waits(sub { $steps->() == 0 }, 'until their time comes');
$t->waits(sub { $t->captured($ann) == 1 }, 'one for whom it holds is told');
is scalar($t->captured($_)), 0, 'one for whom it does not is not' for $bob, $carl;


# After a failure: the next step at once

my $dora = $t->user;
$t->device($dora, web => $web, at => '/500');
$t->put('/notification-preferences/contact', { email => 'dora@example.com' },
        token => $dora->{token});
$t->template(late => [ map { { channel => $_, locale => 'en', title => $_ } } qw(push webhook) ],
    flow => [ { channel => 'webhook', after_s => 86400 } ]);
$t->post('/notification-categories', { key => 'all', title => 'All',
    channels => [qw(in_app push email webhook)] });
$t->patch('/notification-templates/late', { category => 'all' });
my %hooks = (token => $p->token(scope => 'webhooks:admin'));
my $r = $t->post('/webhook-endpoints', { url => "$at/hook", event_types => ['custom.*'] }, %hooks);
is $r->{status}, 201, 'an endpoint of the tenant' or diag $r->{raw};
my $sent = $t->send(template => 'late', $to->($dora), data => { a => 1 });
$t->waits(sub { ($one->('select error_code from notifications.deliveries where request_id = ?',
    $sent->{id}) // '') eq 'provider_error' }, 'a push fails');
$p->sql("update notifications.deliveries set attempts = 5, next_at = clock_timestamp()
         where request_id = ?", $sent->{id});
$p->sql('select notifications.wake(?, ?, 1)', $Pando::Token::TENANT, 'transactional');
$t->waits(sub { "@{[ $t->fates($sent) ]}" eq 'push failed provider webhook sent' },
    'when it has failed for good the next step is taken, a day before its time', 60)
    or diag join '|', $t->fates($sent);


# Webhooks of the tenant

my $hook = sub { grep { $_->{path} eq '/hook' } $web->requests };
$t->waits(sub { $hook->() == 1 }, 'the endpoint is told');
my $event = decode_json(($hook->())[0]{body});
is $event->{type}, 'custom.notification';
is_deeply [ @{ $event->{data} }{qw(user_id template category)} ], [ $dora->{id}, 'late', 'all' ],
    'of whom and of what';
is $event->{data}{texts}{title}, 'webhook', 'with the words';
is_deeply $event->{data}{data}, { a => 1 }, 'and the data';
is $event->{id}, $event->{data}{id}, 'under the id of the delivery';
my ($row) = $p->sql("select request_id, user_id, channel, target, attempts, id
    from notifications.deliveries where request_id = ? and channel = 'webhook'", $sent->{id});
$p->sql("update notifications.deliveries set state = 'queued', next_at = clock_timestamp()
         where id = ?", $row->[5]);
$p->sql('select notifications.wake(?, ?, 1)', $Pando::Token::TENANT, 'transactional');
$t->waits(sub { $one->('select attempts from notifications.deliveries where id = ?', $row->[5])
    == 2 }, 'a worker that died before it was noted: once more');
$t->waits(sub { $one->("select state from notifications.deliveries where id = ?", $row->[5])
    eq 'sent' }, 'which is sent');
is scalar($hook->()), 1, 'but comes once';
$p->sql('delete from webhooks.endpoints');
$sent = $t->send(%text, category => 'all', channels => ['webhook'], $to->($dora));
$t->waits(sub { "@{[ $t->fates($sent) ]}" eq 'webhook failed provider' }, 'where there is none');
is $one->('select error_code from notifications.deliveries where request_id = ?', $sent->{id}),
    'nobody_wants_it', 'it is said';
$sent = $t->send(%text, category => 'all', $to->($dora));
ok !(grep { /webhook/ } $t->fates($sent)), 'it is no channel for what names none';


# Digests that wait for more

my $put = sub { my ($key, %set) = @_; $t->post('/notification-categories', { key => $key,
    title => $key, digestible => JSON::PP::true, channels => ['push'], %set }) };
$put->('fixed', digest_window_s => 600);
$put->('slide', digest_window_s => 600, digest_max_s => 1500);
my $eve = $t->user;
$t->device($eve);
my $due = sub { $one->("select extract(epoch from due_at - opened_at)::int
    from notifications.digests where user_id = ? and key = ? and state = 'open'", $eve->{id},
    $_[0]) };
for my $key (qw(fixed slide)) {
    my %like = (content => { title => $key }, category => $key, channels => ['push'], $to->($eve));
    $t->send(%like);
    is $due->($key), 600, "$key: due when its window is over";
    $p->sql("update notifications.digests set opened_at = opened_at - interval '500 s',
        due_at = due_at - interval '500 s' where user_id = ? and key = ?", $eve->{id}, $key);
    $t->send(%like);
    my $now = $due->($key);
    $key eq 'fixed' ? is($now, 600, 'fixed: whatever comes')
                    : ok($now >= 1100 && $now < 1200, 'slide: it begins anew') || diag $now;
    $p->sql("update notifications.digests set opened_at = opened_at - interval '800 s',
        due_at = due_at - interval '800 s' where user_id = ? and key = ?", $eve->{id}, $key);
    $t->send(%like);
    is $due->($key), $key eq 'fixed' ? 600 : 1500, "$key: for so long at most";
}
is $one->("select items from notifications.digests where user_id = ? and key = 'slide'",
    $eve->{id}), 3, 'all in one';


# An item that comes while a digest is flushed goes into the next one

my ($slide) = $p->sql("update notifications.digests set due_at = now() where user_id = ?
    and key = 'slide' returning id", $eve->{id});
my $db = $p->db;
my $other = $db->clone({ AutoCommit => 0 });
$other->do("select notifications.flush('$slide->[0]')");
my $late;
{
    my $pid = fork // die;
    if (!$pid) {
        $t->{p}->post('/api/v1/notifications', { content => { title => 'during' },
            category => 'slide', channels => ['push'], $to->($eve) }, token => $t->{token});
        require POSIX;
        POSIX::_exit(0);
    }
    $t->waits(sub { $one->("select count(*) from pg_stat_activity where wait_event_type = 'Lock'
        and datname = current_database()") > 0 }, 'it waits for the one that is flushed');
    $other->commit;
    waitpid $pid, 0;
}
$other->disconnect;
is_deeply [ map { "$_->[0] $_->[1]" } $p->sql("select state, items from notifications.digests
    where user_id = ? and key = 'slide' order by opened_at, id", $eve->{id}) ],
    [ 'sent 3', 'open 1' ], 'and is in the next';
is $one->('select notifications.flush(?)', $slide->[0]) ? 1 : 0, 0, 'a second job finds it done';


# Two users are one

my ($old, $new) = ($t->user, $t->user);
my $phone = $t->device($old);
$t->device($new);
$t->put('/notification-preferences', { data => [ { category => '*', channel => 'email',
    value => 'off' } ] }, token => $_->{token}) for $old, $new;
$t->put('/notification-preferences', { data => [ { category => 'all', channel => 'push',
    value => 'off' } ] }, token => $old->{token});
$t->send(%text, category => 'slide', channels => ['push'], $to->($old, $new));
$t->send(%text, category => 'slide', channels => ['push'], $to->($old));
$t->send(%text, channels => ['in_app'], $to->($_)) for $old, $old, $new;
for (1 .. 2) {
    $p->sql("select pando.emit(?, 'user.merged', 1, ?, ?::jsonb)", $Pando::Token::TENANT,
        $old->{id}, qq({"loser_id": "$old->{id}", "winner_id": "$new->{id}"}));
}
$t->waits(sub { $t->count($new)->{unread} == 3 }, 'what one was told is the other\'s');
is scalar($t->inbox($new)), 3, 'in one inbox';
is scalar($t->inbox($old)), 0, 'and in no other';
is scalar @{ $t->as($new, '/device-tokens')->{data} }, 2, 'with the devices';
ok((grep { $_->{category} eq 'all' && $_->{value} eq 'off' }
    @{ $t->as($new, '/notification-preferences')->{data} }), 'and what was said');
is_deeply [ map { $_->[0] } $p->sql("select items from notifications.digests
    where user_id = ? and state = 'open' and key = 'slide'", $new->{id}) ], [2],
    'a digest has each item once';


# Held up, paced, and on again

my $N = 800;
my $topic = $t->post('/notification-topics', { key => 'all', title => 'All' })->json;
$p->sql("insert into notifications.topic_subscriptions (topic_id, user_id, tenant_id)
    select ?, ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, ?
      from generate_series(1, $N) as n", $topic->{id}, $Pando::Token::TENANT);
$p->configure(http => $p->{http} . ' pando_set notifications.fan_out_per_second 100;');
$p->reload;
my $all = $t->send(%text, to => { topic => 'all' });
my $state = sub { $t->get("/notifications/requests/$all->{id}")->json };
my $pause = 'POST /notifications/requests/{id}/pause';
my $resume = 'POST /notifications/requests/{id}/resume';
$t->waits(sub { $state->()->{recipients} >= 100 }, 'the first ones are told');
my $held = $t->works($t->post("/notifications/requests/$all->{id}/pause"), $pause, 200);
ok $held->{paused}, 'it is held up';
is $held->{total}, $N, 'of so many';
my $n = $held->{recipients};
ok $n >= 100 && $n < $N, 'in the middle' or diag $n;
$t->fails($t->post("/notifications/requests/$all->{id}/pause"), $pause, 'request_not_underway');
$t->waits(sub { !$one->("select count(*) from pando.jobs where kind = 'notifications.fan_out'
    and state in ('ready', 'running')") }, 'no job is left');
is $state->()->{recipients}, $n, 'nobody more is told';
$t->works($t->post("/notifications/requests/$all->{id}/resume"), $resume, 200);
$t->fails($t->post("/notifications/requests/$all->{id}/resume"), $resume, 'request_not_paused');
$t->waits(sub { $state->()->{state} eq 'planned' }, 'it goes on to its end');
is $state->()->{recipients}, $N, 'with everybody';
is $one->('select count(*) from notifications.deliveries where request_id = ?
    and channel = ?', $all->{id}, 'in_app'), $N, 'once each';
cmp_ok $one->('select extract(epoch from max(created_at) - min(created_at))
    from notifications.deliveries where request_id = ?', $all->{id}), '>=', 2,
    'a hundred a second, in no less than three';
$t->fails($t->post("/notifications/requests/$all->{id}/pause"), $pause, 'request_not_underway');
$t->fails($t->post("/notifications/requests/$Pando::Routes::NOBODY/$_"),
    "POST /notifications/requests/{id}/$_", 'not_found') for 'pause', 'resume';

$t->put('/notification-preferences/schedule', { dnd_until => '2099-01-01T00:00:00Z' },
    token => $ann->{token});
my $waits = $t->send(%text, $to->($ann));
$t->works($t->post("/notifications/requests/$waits->{id}/pause"), $pause, 200);
$p->sql("update notifications.schedules set dnd_until = null where user_id = ?", $ann->{id});
is scalar(grep { /^push planned/ } $t->fates($waits)), 1, 'what was planned waits';
my $before = $t->captured($ann);
$t->works($t->post("/notifications/requests/$waits->{id}/resume"), $resume, 200);
$t->waits(sub { $t->captured($ann) > $before }, 'and is sent when it goes on');
$t->all_provoked('notifications_broadcasts.c');

done_testing;
