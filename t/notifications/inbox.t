# From a request to the inboxes of its users, once; what they read; and that
# counters are exact, however many read at once.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new(workers => 2);
my $p = $t->{p};
my ($ann, $bob) = ($t->user, $t->user);
my $nobody = $Pando::Routes::NOBODY;
my $send = 'POST /notifications';

$t->template(shipped => [
    { channel => 'in_app', locale => 'en', title => 'Order {{number}} is on its way',
      body => 'It arrives on {{day}}.', url => '/orders/{{number}}',
      actions => [ { id => 'open', title => 'Open {{number}}', url => '/o/{{number}}' } ] },
    { channel => 'in_app', locale => 'de', title => 'Bestellung {{number}} kommt',
      body => '{{day}}' } ],
    variables => [ { name => 'number', required => JSON::PP::true, example => 'A-17' },
                   { name => 'day', required => JSON::PP::false } ]);


# sent to two, one of whom reads German

is $t->put('/notification-preferences/contact', { locale => 'de-AT' },
           token => $bob->{token})->{status}, 200, 'a user has a language';
my $sent = $t->works($t->post('/notifications', { template => 'shipped',
    to => { users => [ $ann->{id}, $bob->{id} ] }, object => 'order:17',
    data => { number => 'A<17>', day => 'Monday' } }), $send, 202);
is $sent->{planned}, 2, 'to two';

my ($n) = $t->inbox($ann);
is $n->{title}, 'Order A<17> is on its way', 'the title, as plain text';
is $n->{body}, 'It arrives on Monday.';
is $n->{url}, '/orders/A<17>';
is_deeply $n->{actions}, [ { id => 'open', title => 'Open A<17>', url => '/o/A<17>' } ];
is $n->{object}, 'order:17';
is(($t->inbox($bob))[0]{title}, 'Bestellung A<17> kommt', 'de-AT reads de');
is_deeply [ $t->fates($sent) ], [ ('in_app delivered') x 2 ], 'and both are delivered';
is $t->count($ann)->{unread}, 1;
is $t->count($t->user)->{unread}, 0, 'of who has none';


# what is wrong is told before anything is planned

my $to = { users => [ $ann->{id} ] };
$t->fails($t->post('/notifications', { template => 'shipped', to => $to, data => {} }),
    $send, 'missing_variable', '/data/number');
$t->fails($t->post('/notifications', { template => 'none', to => $to }), $send,
    'unknown_template', '/template');
$t->fails($t->post('/notifications', { to => $to }), $send, 'template_or_content', '/template');
$t->fails($t->post('/notifications', { content => { title => 'x' }, category => 'none',
    to => $to }), $send, 'unknown_category', '/category');
$t->fails($t->post('/notifications', { template => 'shipped', to => $to, data => 7 }),
    $send, 'data_not_object', '/data');
$t->fails($t->post('/notifications', { template => 'shipped', to => { users => [] } }),
    $send, 'invalid', '/to/users');
$t->fails($t->post('/notifications', { template => 'shipped', to => {} }), $send,
    'one_audience', '/to');
$t->fails($t->post('/notifications', { content => { title => 'x' }, to => { topic => 'none' } }),
    $send, 'unknown_topic', '/to/topic');
is $t->count($ann)->{unread}, 1, 'nothing came of that';

my $long = $t->send(content => { title => 'x' x 300, body => "e\x{301}" x 2000 }, to => $to);
($n) = $t->inbox($ann);
is length $n->{title}, 200, 'a title has room for 200 characters';
like $n->{title}, qr/\A[x]{199}\x{2026}\z/, 'and ends in an ellipsis';
like $n->{body}, qr/e\x{301}\x{2026}\z/, 'not between a letter and its accent';


# once

my %once = (template => 'shipped', to => $to, data => { number => 1, day => 2 },
            dedup_key => 'order-17');
my @replies = $p->parallel(map {
    [ 'POST', '/api/v1/notifications', body => \%once, token => $t->{token} ] } 1 .. 100);
my %ids = map { ($_->json->{id} // $_->{raw}) => 1 } @replies;
is scalar(keys %ids), 1, 'asked for a hundred times at once: one request';
is $t->count($ann)->{unread}, 3, 'one more in the inbox';
is $t->post('/notifications', \%once)->json->{planned}, 1, 'and it is told what was planned';


# reading

my $id = $n->{id};
my $mark = 'PATCH /notifications/{id}';
my $before = $t->count($ann);
@replies = $p->parallel(map {
    [ 'PATCH', "/api/v1/notifications/$id", body => { read => JSON::PP::true },
      token => $ann->{token} ] } 1 .. 100);
is scalar(grep { $_->{status} == 200 } @replies), 100, 'read a hundred times at once';
is $t->count($ann)->{unread}, $before->{unread} - 1, 'is one less';
is $t->count($ann)->{version}, $before->{version} + 1, 'by one change';
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'notification.read'
    and subject = ?", $id)), 1, 'told once';

my %as = (token => $ann->{token});
my $read = $t->works($t->patch("/notifications/$id", { read => JSON::PP::true }, %as), $mark, 200);
ok $read->{seen_at}, 'what was read was seen';
my $version = $read->{version};
is $t->patch("/notifications/$id", { pinned => JSON::PP::true }, %as,
    'If-Match' => qq("v$version"))->{status}, 200, 'pinned, with its version';
$t->fails($t->patch("/notifications/$id", { pinned => JSON::PP::false }, %as,
    'If-Match' => qq("v$version")), $mark, 'precondition_failed');
$t->fails($t->patch("/notifications/$id", { read => JSON::PP::true }, token => $bob->{token}),
    $mark, 'not_found');
$t->fails($t->patch("/notifications/$nobody", { read => JSON::PP::true }, %as), $mark,
    'not_found');
$t->fails($t->get("/notifications/$id", token => $bob->{token}), 'GET /notifications/{id}',
    'not_found');
$t->works($t->get("/notifications/$id", %as), 'GET /notifications/{id}', 200);

is $t->patch("/notifications/$id", { read => JSON::PP::false }, %as)->json->{read_at}, undef,
    'unread again';
is $t->count($ann)->{unread}, $before->{unread}, 'which counts';
$t->patch("/notifications/$id", { archived => JSON::PP::true }, %as);
is $t->count($ann)->{unread}, $before->{unread} - 1, 'what is archived does not';
ok !(grep { $_->{id} eq $id } $t->inbox($ann)), 'and is not in the list';
$t->patch("/notifications/$id", { archived => JSON::PP::false }, %as);
is $t->count($ann)->{unread}, $before->{unread}, 'until it is back';


# groups

my %like = (content => { title => 'Somebody likes your photo' }, group_key => 'photo:1',
            to => { users => [ $bob->{id} ] });
@replies = $p->parallel(map {
    [ 'POST', '/api/v1/notifications', token => $t->{token},
      body => { %like, actor_id => sprintf('01900000-0000-7000-8000-%012x', $_) } ] } 1 .. 50);
my @group = $t->inbox($bob, '?group=photo:1');
is scalar(@group), 1, 'fifty likes are one';
is $group[0]{group_count}, 50, 'that counts fifty';
is scalar @{ $group[0]{actor_ids} }, 5, 'and names five';
is $t->count($bob)->{unread}, 2, 'one more to read';
is(($t->inbox($bob))[0]{id}, $group[0]{id}, 'it is at the top');
$t->patch("/notifications/$group[0]{id}", { read => JSON::PP::true }, token => $bob->{token});
$t->send(%like);
@group = $t->inbox($bob, '?group=photo:1');
is scalar(@group), 2, 'what comes after it was read begins anew';
is $group[0]{group_count}, 1;
is scalar($t->inbox($bob, '?unread=true&group=photo:1')), 1;


# read-all beside arrivals: never below what is there

my $carl = $t->user;
my @to = (users => [ $carl->{id} ]);
$t->send(content => { title => "t$_" }, to => { @to }) for 1 .. 3;
@replies = $p->parallel(map { $_ % 2
    ? [ 'POST', '/api/v1/notifications', token => $t->{token},
        body => { content => { title => "r$_" }, to => { @to } } ]
    : [ 'POST', '/api/v1/notifications/read-all', token => $carl->{token},
        body => { before => '2099-01-01T00:00:00Z' } ] } 1 .. 60);
is scalar(grep { $_->{status} >= 400 } @replies), 0, 'thirty come while thirty read all'
    or diag $replies[0]{raw};
my ($true) = $p->sql('select count(*) from notifications.notifications where user_id = ?
    and read_at is null', $carl->{id});
is $t->count($carl)->{unread}, $true->[0], 'the count is what is there';
my $all = $t->works($t->post('/notifications/read-all', { before => '2099-01-01T00:00:00Z' },
    token => $carl->{token}), 'POST /notifications/read-all', 200);
is_deeply [ @$all{qw(unread unseen)} ], [ 0, 0 ], 'then all is read';
$t->works($t->get('/notifications/count', token => $carl->{token}),
    'GET /notifications/count', 200);
$t->send(content => { title => 'later' }, to => { @to });
$t->post('/notifications/read-all', { before => '2020-01-01T00:00:00Z' },
    token => $carl->{token});
is $t->count($carl)->{unread}, 1, 'what came later stays';
$t->post('/notifications/read-all', { before => '2099-01-01T00:00:00Z', category => 'other' },
    token => $carl->{token});
is $t->count($carl)->{unread}, 1, 'so does what is of another category';
is +($p->sql('select notifications.recount(?, ?)', $Pando::Token::TENANT,
    [ $ann->{id}, $bob->{id}, $carl->{id} ]))[0][0], 0, 'a recount finds nothing to heal';
$p->sql('update notifications.counters set unread = 7 where user_id = ?', $carl->{id});
$p->sql('select notifications.recount(?, ?)', $Pando::Token::TENANT, [ $carl->{id} ]);
is $t->count($carl)->{unread}, 1, 'or heals it';


# pages, and another tenant

my $page = $t->works($t->get('/notifications?limit=2', %as), 'GET /notifications', 200);
is scalar @{ $page->{data} }, 2, 'a page';
my $rest = $t->get("/notifications?limit=2&cursor=$page->{next}", %as)->json;
ok $rest->{data}[0]{at} le $page->{data}[1]{at}, 'the next one is older';
my $stranger = $p->token(sub => $ann->{id}, tid => $Pando::Token::OTHER, scope => '');
is_deeply $t->get('/notifications', token => $stranger)->json->{data}, [],
    'the same user of another tenant has none';
is $t->get("/notifications/$id", token => $stranger)->{status}, 404;
$t->fails($t->get("/notifications/requests/$sent->{id}", token => $Told::OTHER),
    'GET /notifications/requests/{id}', 'not_found');
my $view = $t->works($t->get("/notifications/requests/$sent->{id}"),
    'GET /notifications/requests/{id}', 200);
is $view->{counts}[0]{n}, 2, 'two of one fate';
unlike join('', map { @$_ } $p->sql('select data_ct from notifications.requests')), qr/Monday/,
    'data is kept encrypted';

is +($p->sql("select notifications.id_at('2026-11-01T00:00:00Z')"))[0][0],
    '01a19467-e800-7000-8000-000000000000', 'the lowest id of a moment';
$t->all_provoked('notifications_inbox.c');
is +($p->sql("select count(*) from notifications.deliveries_rest"))[0][0], 0,
    'there is a partition for each month';

done_testing;
