# By mail and by text message, and from events of other domains: a category
# that is changed becomes a mail that is captured and a row in the inbox.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new(workers => 2, domains => [qw(notifications email sms categories realtime)],
    http => 'pando_set notifications.public_url https://shop.test;');
my $p = $t->{p};
my $all = $t->{token} = $p->token(scope => join ' ', map { "$_:admin $_:write $_:read" }
    qw(notifications email sms categories realtime pando));
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

$t->post('/notification-categories', { key => 'orders', title => 'Orders',
    channels => [qw(in_app email sms)] });

my $ann = $t->user;
my %ann = (token => $ann->{token});
$t->put('/notification-preferences/contact', { email => 'ann@example.com', locale => 'de',
    phone => '+4915123456789' }, %ann);

sub mails { return @{ $t->get('/email/outbox')->json->{data} } }
sub texts { return @{ $t->get('/sms/outbox')->json->{data} } }


# to a user by every channel

$t->template(shipped => [
    { channel => 'in_app', locale => 'en', title => 'Order {{n}}' },
    { channel => 'email', locale => 'de', title => 'Bestellung {{n}}',
      body => "Hallo {{name}},\nsie kommt.", url => '/orders/{{n}}' },
    { channel => 'sms', locale => 'en', title => 'x', body => 'Order {{n}} comes' } ],
    category => 'orders');
my $sent = $t->send(template => 'shipped', data => { n => 7, name => '<b>Ann</b>' },
                    to => { users => [ $ann->{id} ] });
my $well = qr/(?:sent|delivered)/;
$t->waits(sub { join('|', $t->fates($sent)) =~ /email $well\|in_app delivered\|sms $well/ },
    'by mail, in the inbox and by text message') or diag join '|', $t->fates($sent);
$t->waits(sub { mails() == 1 }, 'a mail is captured');
my ($mail) = mails();
is $mail->{subject}, 'Bestellung 7', 'in the language of the user';
my $raw = $t->get("/email/outbox/$mail->{id}/raw")->{body};
like $raw, qr{https://shop\.test/orders/7}, 'with where it leads';
my ($link) = $raw =~ s/=\r?\n//gr =~ m{notifications/unsubscribe/([\w-]+)};
ok $link, 'and how to end it';
$t->waits(sub { texts() == 1 }, 'a text message is captured');
is((texts())[0]{body} // (texts())[0]{text}, 'Order 7 comes', 'with its text');


# the link

my $leave = 'POST /notifications/unsubscribe/{token}';
my $look = 'GET /notifications/unsubscribe/{token}';
is_deeply $t->works($t->public("/notifications/unsubscribe/$link"), $look, 200),
    { category => 'orders', channel => 'email', subscribed => $yes }, 'looking ends nothing';
is $t->works($p->post("/api/v1/notifications/unsubscribe/$link", undef), $leave, 200)
    ->{subscribed}, $no, 'posting does';
$t->fails($t->public('/notifications/unsubscribe/nonsense'), $look, 'not_found');
$t->fails($p->post('/api/v1/notifications/unsubscribe/nonsense', undef), $leave, 'not_found');
$sent = $t->send(template => 'shipped', data => { n => 8, name => 'Ann' },
                 to => { users => [ $ann->{id} ] });
is +(grep { /email/ } $t->fates($sent))[0], 'email skipped preference', 'no more mails of it';
$t->patch('/notification-categories/orders', { mandatory => $yes });
$t->fails($p->post("/api/v1/notifications/unsubscribe/$link", undef), $leave,
    'mandatory_category');
$t->patch('/notification-categories/orders', { mandatory => $no });


# to an address that is nobody's

$sent = $t->send(content => { title => 'Welcome', body => 'Hello' }, channels => ['email'],
                 to => { address => { email => 'bob@example.com' } });
is $sent->{planned}, 1, 'to an address';
$t->waits(sub { grep { $_->{subject} eq 'Welcome' } mails() }, 'it is sent');
$t->post('/notification-categories', { key => 'news', title => 'News', class => 'marketing' });
is_deeply [ $t->fates($t->send(content => { title => 'Buy' }, category => 'news',
    channels => ['email'], to => { address => { email => 'bob@example.com' } })) ],
    ['email skipped preference'], 'but no marketing';
$t->post('/email/suppressions', { addresses => ['bob@example.com'] });
$sent = $t->send(content => { title => 'Again' }, channels => ['email'],
                 to => { address => { email => 'bob@example.com' } });
$t->waits(sub { "@{[ $t->fates($sent) ]}" =~ /email (?:suppressed|failed)/ },
    'nor what the owner of the address does not want') or diag $t->fates($sent);


# what another domain tells of what it was given

my $delivery = sub { ($p->sql('select provider_ref, state from notifications.deliveries
    where request_id = ? and channel = ?', @_))[0] };
$sent = $t->send(content => { title => 'Text', body => 'Text' }, category => 'orders',
                 channels => ['sms'], to => { users => [ $ann->{id} ] });
$t->waits(sub { ($delivery->($sent->{id}, 'sms')->[1] // '') eq 'delivered' },
    'a text message is delivered, as its domain says') or diag $t->fates($sent);
$sent = $t->send(content => { title => 'Bounces', body => 'x' }, channels => ['email'],
                 to => { address => { email => 'carl@example.com' } });
$t->waits(sub { $delivery->($sent->{id}, 'email')->[1] eq 'sent' }, 'a mail is sent');
$p->sql("select pando.emit(?, 'email.bounced', 1, ?, jsonb_build_object('message_id', ?::text,
    'lane', 'transactional', 'reason', 'mailbox_full'))", $Pando::Token::TENANT,
    ($delivery->($sent->{id}, 'email')->[0]) x 2);
$t->waits(sub { $delivery->($sent->{id}, 'email')->[1] eq 'failed' }, 'and comes back');


# handed on as it is

my $e = 'POST /communications/email';
my $s = 'POST /communications/sms';
my $r = $t->works($t->post('/communications/email', { to => 'dora@example.com',
    subject => 'By hand', text => 'x', dedup_key => 'k' }), $e, 202);
is $t->post('/communications/email', { to => 'dora@example.com', subject => 'By hand',
    text => 'x', dedup_key => 'k' })->json->{id}, $r->{id}, 'once';
$t->fails($t->post('/communications/email', { to => 'dora@example.com', template => 'none' }), $e,
    'unknown_template', '/template');
$t->fails($t->post('/communications/email', { to => 'dora@example.com', subject => 'x' }), $e,
    'bad_content');
$t->works($t->post('/communications/sms', { to => '+4915123456789', body => 'x' }), $s, 202);
$t->fails($t->post('/communications/sms', { to => '+4915123456789', template => 'none' }), $s,
    'unknown_template', '/template');
$t->fails($t->post('/communications/sms', { to => '+1234567', body => 'x' }), $s, 'bad_address',
    '/to');


# events of others: the demo's rules

$p->sql(do { open my $in, '<', "$Pando::ROOT/sql/notifications/demo.sql"; local $/;
    <$in> =~ s/:'tenant'/'$Pando::Token::TENANT'/gr =~ s/:'user'/'$ann->{id}'/gr });
my $editor = $p->token(sub => $ann->{id}, scope => 'categories:admin');
$t->put('/notification-preferences', { data => [] }, %ann);
my $tax = $t->post('/taxonomies', { key => 'shops', name => 'Shops', subject => 'place' },
    token => $editor);
$tax->{status} == 201 or diag $tax->{raw};
my $c = $t->post('/categories', { taxonomy_id => $tax->json->{id}, slug => 'bakers',
    name => 'Bakers' }, token => $editor);
$c->{status} == 201 or diag $c->{raw};
$t->waits(sub { grep { ($_->{object} // '') =~ /^taxonomy_category:/ } $t->inbox($ann) },
    'a category that is added is in the inbox of who did it');
$t->waits(sub { grep { $_->{subject} =~ /bakers/ } mails() }, 'and in the mail');
my ($n) = grep { ($_->{object} // '') =~ /^taxonomy_category:/ } $t->inbox($ann);
is $n->{title}, 'Du hast bakers geändert', 'in German';
my ($event) = $p->sql("select id from pando.outbox where type = 'taxonomy_category.created'");

# the same event again: the request is there
is $p->sql('select 1 from notifications.requests where source_event = ?', $event->[0]), 1,
    'an event is one request';

$t->template(hello => [ { channel => 'in_app', locale => 'en',
                          title => 'Hello {{who}}{{none}}' } ],
    events => [ { event => 'thing.done', to => 'data.owner' } ]);
my $bob = $t->user;
my $tell = sub { $p->sql('select pando.emit(?, ?, 1, ?, ?::jsonb)', $Pando::Token::TENANT,
    'thing.done', $Pando::Routes::NOBODY, $_[0]) };
$tell->(q({"owner": "nobody"}));
$tell->(q({"who": "x"}));
$tell->(qq({"owner": "$bob->{id}", "who": "Bob"}));
$t->waits(sub { $t->count($bob)->{unread} == 1 }, 'whom the data names');
is(($t->inbox($bob))[0]{title}, 'Hello Bob', 'without what it does not say');
$t->patch('/notification-templates/hello', { events => [] });
is_deeply $t->get('/notification-templates/hello')->json->{events}, [], 'and no more';


# an open client is told

my $history = sub { $t->get("/realtime/channels/user:$bob->{id}:inbox/history?since=0",
                            token => $bob->{token})->json };
$t->waits(sub { @{ $history->()->{data} // [] } == 1 },
    'the channel of the inbox is told') or diag explain $history->();
is $history->()->{data}[0]{data}{data}{unread}, 1, 'with the counter';
$t->all_provoked('notifications_leave.c');


# who leaves

$t->device($bob, device_id => 'phone-1');
$p->sql("select pando.emit(?, 'session.ended', 1, ?, ?::jsonb)", $Pando::Token::TENANT,
    $bob->{id}, qq({"user_id": "$bob->{id}", "device_id": "phone-1"}));
$t->waits(sub { !@{ $t->as($bob, '/device-tokens')->{data} } }, 'who signs out has no device');
$p->sql("select pando.emit(?, 'user.erasure_requested', 1, ?, '{}')", $Pando::Token::TENANT,
    $bob->{id});
$t->waits(sub { !$t->inbox($bob) && $t->count($bob)->{unread} == 0 }, 'who is erased nothing');

done_testing;
