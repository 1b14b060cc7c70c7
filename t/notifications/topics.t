# Topics, and sending to all who subscribed: in chunks that a killed worker
# does not lose, once each; what apps tell of pushes.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new(workers => 2, http => 'pando_jobs lease=2s;');
my $p = $t->{p};
my $N = 5_000;


# topics

my $add = 'POST /notification-topics';
my $topic = $t->works($t->post('/notification-topics', { key => 'places', title => 'Places',
    open => JSON::PP::true }), $add, 201);
my $path = "/notification-topics/$topic->{id}";
$t->fails($t->post('/notification-topics', { key => 'places', title => 'x' }), $add,
    'topic_key_taken', '/key');
$t->works($t->get('/notification-topics'), 'GET /notification-topics', 200);
$t->works($t->get($path), 'GET /notification-topics/{id}', 200);
$t->fails($t->get($path, token => $Told::OTHER), 'GET /notification-topics/{id}', 'not_found');
my $change = 'PATCH /notification-topics/{id}';
is $t->works($t->patch($path, { title => 'New places' }), $change, 200)->{version}, 2;
$t->fails($t->patch($path, {}, 'If-Match' => '"v1"'), $change, 'precondition_failed');
$t->fails($t->patch("/notification-topics/$Pando::Routes::NOBODY", {}), $change, 'not_found');

my ($ann, $bob) = ($t->user, $t->user);
my $in = 'PUT /notification-topics/{id}/subscribers/{user_id}';
my $out = 'DELETE /notification-topics/{id}/subscribers/{user_id}';
my $as = sub { (token => $_[0]{token}) };
$t->works($t->put("$path/subscribers/$ann->{id}", undef, $as->($ann)), $in, 204);
$t->fails($t->put("$path/subscribers/$bob->{id}", undef, $as->($ann)), $in, 'not_found',
    undef, 'nobody puts others in');
$t->fails($t->delete("$path/subscribers/$ann->{id}", $as->($bob)), $out, 'not_found');
is $t->put("$path/subscribers/x", undef, $as->($ann))->{status}, 404, 'nor what is nobody';
is $t->put("$path/subscribers/$bob->{id}", undef)->{status}, 204, 'but who may send';
my $sent = $t->send(content => { title => 'A place' }, to => { topic => 'places' });
$t->waits(sub { $t->count($ann)->{unread} == 1 && $t->count($bob)->{unread} == 1 },
    'subscribers are told');
$t->works($t->delete("$path/subscribers/$ann->{id}", $as->($ann)), $out, 204);
$t->patch($path, { open => JSON::PP::false });
$t->fails($t->put("$path/subscribers/$ann->{id}", undef, $as->($ann)), $in, 'not_found',
    undef, 'into one that is not open nobody goes');
$t->send(content => { title => 'Another' }, to => { topic => 'places' });
$t->waits(sub { $t->count($bob)->{unread} == 2 }, 'those who are still there are told');
is $t->count($ann)->{unread}, 1, 'who has gone is not';


# to many, while workers are killed

my $many = $t->post('/notification-topics', { key => 'all', title => 'All' })->json;
$p->sql("insert into notifications.topic_subscriptions (topic_id, user_id, tenant_id)
    select ?, ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, ?
      from generate_series(1, $N) as n", $many->{id}, $Pando::Token::TENANT);
my $all = $t->send(content => { title => 'To all' }, to => { topic => 'all' });
my $done = sub { ($p->sql('select count(*) from notifications.deliveries where request_id = ?
    and channel = ?', $all->{id}, 'in_app'))[0][0] };
my $remove = 'DELETE /notification-topics/{id}';
$t->fails($t->delete("/notification-topics/$many->{id}"), $remove, 'in_use');

$t->waits(sub { $done->() > 0 }, 'on its way', 60);
$p->kill_worker('KILL', $_) for $p->worker_pids;
$t->waits(sub { $t->get("/notifications/requests/$all->{id}")->json->{state} eq 'planned' },
    'it is done in the end', 120);
my $view = $t->get("/notifications/requests/$all->{id}")->json;
is $view->{recipients}, $N, 'for all of them';
is $done->(), $N, 'one delivery each';
is +($p->sql("select count(*) from notifications.notifications where request_id = ?",
    $all->{id}))[0][0], $N, 'one row each';
is +($p->sql("select count(*) from notifications.counters where unread <> 1 and user_id::text
    like '01900000-0000-7000-9000-%'"))[0][0], 0, 'counted once each';

my $half = $t->send(content => { title => 'Not to all' }, to => { topic => 'all' });
$t->delete("/notifications/requests/$half->{id}");
$t->waits(sub { !($p->sql("select count(*) from pando.jobs where kind = 'notifications.fan_out'
    and state in ('ready', 'running')"))[0][0] }, 'one that is canceled');
my ($reached) = $p->sql('select count(*) from notifications.deliveries where request_id = ?',
    $half->{id});
is $t->get("/notifications/requests/$half->{id}")->json->{state}, 'canceled', 'stays so';
$t->fails($t->delete($path, 'If-Match' => '"v1"'), $remove, 'precondition_failed');
$t->works($t->delete($path), $remove, 204);
$t->fails($t->delete($path), $remove, 'not_found');
$t->fails($t->get($path), 'GET /notification-topics/{id}', 'not_found');
$t->all_provoked('notifications_topics.c');


# what apps tell, and ask for

my $carl = $t->user;
$t->device($carl);
my $device = $t->as($carl, '/device-tokens')->{data}[0];
my $push = $t->send(content => { title => 'Hello', body => 'x' x 100, url => '/x' },
                    to => { users => [ $carl->{id} ] });
$t->waits(sub { $t->captured($carl) == 1 }, 'a push is captured');
my ($c) = $t->captured($carl);
is_deeply [ @{ $c->{payload} }{qw(title body url)} ], [ 'Hello', 'x' x 100, '/x' ], 'as it is';
my $events = 'POST /notifications/{id}/events';
my $tell = sub { my ($id, $event, $token) = @_;
    return $p->post("/api/v1/notifications/$id/events", { event => $event, token => $token }) };
my $token = $c->{payload}{token};
$t->fails($tell->($c->{id}, 'opened', 'nonsense'), $events, 'not_found');
$t->fails($tell->($push->{id}, 'opened', $token), $events, 'not_found');
$t->works($tell->($c->{id}, 'clicked', $token), $events, 204);
is $tell->($c->{id}, 'opened', $token)->{status}, 204;
is_deeply [ $t->fates($push) ], [ 'in_app delivered', 'push clicked' ], 'fates only rise';
is $tell->($c->{id}, 'clicked', $token)->{status}, 204;
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'notification.clicked'")), 1,
    'a click is told once';

my $big = $t->send(content => { title => 'Big', body => "\x{1F600}" x 2000 },
                   to => { users => [ $carl->{id} ] });
$t->waits(sub { $t->captured($carl) == 2 }, 'one that is too large');
($c) = $t->captured($carl);
ok $c->{payload}{more} && !$c->{payload}{body}, 'says that there is more';
my $content = 'GET /notifications/{id}/content';
my $more = $t->works($t->public("/notifications/$c->{id}/content?token=$c->{payload}{token}"),
    $content, 200);
is length $more->{body}, 2000, 'which can be had';
$t->fails($t->public("/notifications/$c->{id}/content?token=$token"), $content, 'not_found');
$t->all_provoked('notifications_track.c');

# without the domains that send mails and text messages

$t->put('/notification-preferences/contact', { email => 'carl@example.com',
    phone => '+4915123456789' }, token => $carl->{token});
my $none = $t->send(content => { title => 'x' }, channels => [ 'email', 'sms' ],
                    to => { users => [ $carl->{id} ] });
$t->waits(sub { "@{[ $t->fates($none) ]}" eq 'email skipped sms skipped' },
    'channels that are not there are left out');
is $t->get("/notifications/requests/$none->{id}")->json->{deliveries}[0]{error_code},
    'channel_absent', 'and it is said why';
$t->fails($t->post("/communications/$_->[0]", $_->[1]), "POST /communications/$_->[0]",
    'channel_absent') for [ email => { to => 'a@example.com', subject => 'x', text => 'x' } ],
    [ sms => { to => '+4915123456789', body => 'x' } ];


# devices

my $drop = 'DELETE /device-tokens/{id}';
$t->fails($t->delete("/device-tokens/$device->{id}", token => $bob->{token}), $drop, 'not_found');
$t->fails($t->delete("/device-tokens/$device->{id}", token => $carl->{token},
    'If-Match' => '"v7"'), $drop, 'precondition_failed');
$t->works($t->get("/device-tokens/$device->{id}", token => $carl->{token}),
    'GET /device-tokens/{id}', 200);
$t->fails($t->get("/device-tokens/$device->{id}", token => $bob->{token}),
    'GET /device-tokens/{id}', 'not_found');
$t->works($t->delete("/device-tokens/$device->{id}", token => $carl->{token}), $drop, 204);
my $reg = 'POST /device-tokens';
my %web = (platform => 'webpush', token => 'https://push.example.com/x', p256dh => $Told::POINT,
           auth => $Told::AUTH);
my $wrong = sub { my ($code, $at, %set) = @_;
    $t->fails($t->post('/device-tokens', { %web, %set }, token => $bob->{token}), $reg, $code,
              $at) };
$wrong->('url_not_https', '/token', token => 'ftp://push.example.com');
$wrong->('address_not_public', '/token', token => 'https://10.0.0.1/x');
$wrong->('bad_p256dh', '/p256dh', p256dh => substr $Told::POINT, 1);
$wrong->('bad_p256dh', '/p256dh', p256dh => 'BA' . 'x' x 85);
$wrong->('bad_auth', '/auth', auth => 'x');
$t->works($t->post('/device-tokens', { %web }, token => $bob->{token}), $reg, 201);
$t->works($t->get('/device-tokens', token => $bob->{token}), 'GET /device-tokens', 200);
$t->works($t->get('/notifications/outbox'), 'GET /notifications/outbox', 200);
$t->all_provoked('notifications_devices.c');

done_testing;
