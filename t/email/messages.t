# Messages: what is taken and what is refused, what is captured, canceled, sent
# again, and seen by nobody else.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;

my $t = Mails->new(workers => 2);
my $p = $t->{p};
my $post = 'POST /email/messages';
my %plain = (to => 'ada@example.com', subject => 'hi', text => "hello\n");


# one message

my $m = $t->works($t->post('/email/messages', { %plain, to => "Ada.L\@Ex\x{e4}mple.com",
    to_name => 'Ada', html => '<p>hello <b>you</b></p>', from => 'me@pando.test',
    from_name => 'Me', reply_to => 'help@pando.test', cc => ['cc@example.com'],
    bcc => ['bcc@example.com'], headers => { 'X-Order' => '12', References => '<a@b.test>' } }),
    $post, 202);
is $m->{state}, 'queued', 'it is queued';
$t->gets($m, 'sent', 'and sent by the provider that is there');
my $row = $t->works($t->get("/email/messages/$m->{id}"), 'GET /email/messages/{id}', 200);
is $row->{to}, 'Ada.L@xn--exmple-cua.com', 'the domain is as servers know it';
is $row->{content}{html}, '<p>hello <b>you</b></p>', 'with what it says';
is join(' ', map { $_->{kind} } @{ $row->{events} }), 'accepted', 'and what happened';
ok $row->{sent_at}, 'and when';

my $mail = $t->works($t->get("/email/outbox/$m->{id}"), 'GET /email/outbox/{id}', 200);
is $mail->{text}, "hello\n", 'what it says';
my ($head) = split /\r\n\r\n/, $t->raw($m), 2;
like $head, qr/^From: Me <me\@pando\.test>\r$/m;
like $head, qr/^To: Ada <Ada\.L\@xn--exmple-cua\.com>\r$/m;
like $head, qr/^Cc: cc\@example\.com\r$/m;
like $head, qr/^Message-I[dD]: <\Q$m->{id}\E\@pando\.test>\r$/m, 'its id is the message\'s';
like $head, qr/^X-Order: 12\r$/m;
unlike $head, qr/bcc/i, 'nobody sees who is hidden';
my $list = $t->works($t->get('/email/outbox'), 'GET /email/outbox', 200)->{data};
is_deeply [ map { $_->{id} } @$list ], [ $m->{id} ], 'one mail';
is_deeply $list->[0]{rcpts}, [ $row->{to}, 'cc@example.com', 'bcc@example.com' ], 'to three';
is $t->get('/email/outbox?q=H%49&to=ada.l%40xn--exmple-cua.com')->json->{data}[0]{id}, $m->{id},
    'it is found';
is_deeply $t->get('/email/outbox?q=%25')->json->{data}, [], 'a sign is no pattern';
my $r = $t->get("/email/outbox/$m->{id}/view");
is $r->{body}, '<p>hello <b>you</b></p>', 'as it looks';
like $r->header('Content-Security-Policy'), qr/^sandbox;/, 'but nothing runs';
is scalar(() = $p->sql('select 1 from email.bodies where content_ct like ?', '%hello%')), 0,
    'what it says is kept encrypted';
is_deeply [ map { $_->[0] } $p->sql("select data ->> 'message_id' from pando.outbox
    where type = 'email.sent'") ], [ $m->{id} ], 'it is told once';

# HTML alone gets a text

my $h = $t->mail(text => undef, html => '<h1>A &amp; B</h1><style>x{}</style><p>one<br>two') ;
$t->gets($h, 'sent');
like $t->raw($h), qr/A & B\r\n\r\none\r\ntwo\r\n/, 'a text is made of the HTML';
my $v = $t->mail(text => "1 < 2\n");
$t->gets($v, 'sent');
is $t->get("/email/outbox/$v->{id}/view")->{body}, "<!doctype html><pre>1 &lt; 2\n",
    'a text is shown as one';


# refused

for (['to', ''], ['to', 'nobody'], ['to', "a\@b.test\nBcc: c\@d.test"], ['to', 'a@b'],
     ['to', "\x{e9}\@b.test"], ['from', 'x'], ['reply_to', 'a b@c.test'])
{
    $t->fails($t->post('/email/messages', { %plain, $_->[0] => $_->[1] }), $post,
        'invalid_address', "/$_->[0]");
}

$t->fails($t->post('/email/messages', { %plain, cc => ['a@b.test', 'b'] }), $post,
    'invalid_address', '/cc/1');
$t->fails($t->post('/email/messages', { %plain, subject => "hi\nBcc: x\@y.test" }), $post,
    'header_not_allowed', '/subject', 'a header in the subject');
$t->fails($t->post('/email/messages', { %plain, $_ => "a\nb" }), $post, 'header_not_allowed',
    "/$_") for qw(to_name from_name);

for (['X-A', "b\r\nBcc: x\@y.test"], ['Bcc', 'x@y.test'], ['From', 'x@y.test'], ['X-', 'a'],
     ['DKIM-Signature', 'x'], ['List-Unsubscribe', '<x>'], ['X-B', 1])
{
    $t->fails($t->post('/email/messages', { %plain, headers => { @$_ } }), $post,
        'header_not_allowed', "/headers/$_->[0]", "header $_->[0]");
}

$t->fails($t->post('/email/messages', { %plain, headers => { "X-A\r\nBcc" => 'b' } }), $post,
    'header_not_allowed', '/headers', 'a name that is two');
is $t->post('/email/messages', { %plain, $_ => "a\@b.test\r\nBcc: c\@d.test" })->{status}, 422,
    "a line end in $_" for qw(to from subject to_name dedup_key);
$p->sql("select email.suppress(?, 'no\@x.test', 'all', 'manual', null)", $Pando::Token::TENANT);
$t->fails($t->post('/email/messages', { %plain, to => 'No@x.test' }), $post, 'suppressed', '/to');
$t->fails($t->post('/email/messages', { to => $plain{to}, subject => 'hi' }), $post,
    'content_missing');
$t->fails($t->post('/email/messages', { to => $plain{to}, text => 'hi' }), $post,
    'content_missing');
$t->post('/email/templates', { key => 'x', subject => '{{a}}', text => 'x' });
$t->fails($t->post('/email/messages', { to => 'a@x.test', template => 'x' }), $post,
    'unknown_template', '/template');
$t->post('/email/templates/x/publish', {});
$t->fails($t->post('/email/messages', { to => 'a@x.test', template => 'x' }), $post,
    'missing_variable', '/data');
$t->fails($t->post('/email/messages', { to => 'a@x.test', template => 'x', data => { a => [] } }),
    $post, 'template_broken', '/data');
is $t->post('/email/messages', { %plain, no => 1 })->{status}, 422, 'an unknown member';
is $t->post('/email/messages', { %plain, lane => 'fast' })->{status}, 422, 'an unknown lane';
$t->fails($t->post('/email/messages', { %plain, text => 'x' x 1_600_000, html => 'y' x 1_600_000 }),
    $post, 'message_too_large', undef, 'more than may be');
is $t->post('/email/messages', { %plain, text => 'x' x 26e6 })->{status}, 413,
    'and what is not even read';


# one message for one key, however often and however many at once

my @same = $p->parallel(map { [ POST => '/api/v1/email/messages', token => $t->{token},
    body => { %plain, dedup_key => 'order 1' } ] } 1 .. 8);
my %ids = map { ($_->json // {})->{id} // $_->{status} => 1 } @same;
is scalar keys %ids, 1, 'eight at once are one message';
$t->gets({ id => (keys %ids)[0] }, 'sent');
is $t->mail(%plain, dedup_key => 'order 1')->{state}, 'sent', 'which is known later, too';
isnt $t->mail(%plain, dedup_key => 'order 1', token => $Mails::OTHER)->{id}, (keys %ids)[0],
    'another tenant has keys of its own';


# scheduled, canceled

my $later = $t->mail(send_at => '2096-02-29T08:00:00Z');
is $later->{state}, 'scheduled', 'one for later';
is $t->row($later)->{next_at}, '2096-02-29T08:00:00Z', 'waits';
my $cancel = 'POST /email/messages/{id}/cancel';
is $t->works($t->post("/email/messages/$later->{id}/cancel"), $cancel, 200)->{state}, 'canceled',
    'and can be canceled';
$t->fails($t->post("/email/messages/$_->{id}/cancel"), $cancel, 'too_late') for $later, $m;
$t->fails($t->post("/email/messages/$Pando::Routes::NOBODY/cancel"), $cancel, 'not_found');


# again

my $resend = 'POST /email/messages/{id}/resend';
my $again = $t->works($t->post("/email/messages/$m->{id}/resend", {}), $resend, 202);
isnt $again->{id}, $m->{id}, 'a new message';
$t->gets($again, 'sent');
is $t->row($again)->{resend_of}, $m->{id}, 'that knows what it repeats';
is $t->row($again)->{content}{html}, $row->{content}{html}, 'and says the same';
$p->sql("select email.suppress(?, 'ada\@example.com', 'all', 'soft_bounce', null,
         now() + interval '30 days')", $Pando::Token::TENANT);
$t->fails($t->post("/email/messages/$v->{id}/resend", {}), $resend, 'suppressed', '/to');
is $t->post("/email/messages/$v->{id}/resend", { force => \1 })->{status}, 202, 'or by force';
$p->sql('delete from email.bodies where message_id = ?', $h->{id});
$t->fails($t->post("/email/messages/$h->{id}/resend", {}), $resend, 'body_dropped');
$t->fails($t->post("/email/messages/$Pando::Routes::NOBODY/resend", {}), $resend, 'not_found');
is $t->row($h)->{content}, undef, 'what is dropped is not shown';


# lists

$t->works($t->get('/email/messages'), 'GET /email/messages', 200);
is_deeply [ map { $_->{id} } @{ $t->get('/email/messages?to=ADA.L%40xn--exmple-cua.com')
    ->json->{data} } ], [ $again->{id}, $m->{id} ], 'of one address, the latest first';
is scalar @{ $t->get('/email/messages?state=canceled')->json->{data} }, 1, 'in one state';
is scalar @{ $t->get('/email/messages?from=me%40pando.test')->json->{data} }, 2, 'from one';
$t->fails($t->get('/email/messages?to=x'), 'GET /email/messages', 'invalid_address', '?to');
$t->fails($t->get('/email/outbox?to=x'), 'GET /email/outbox', 'invalid_address', '?to');

for (["get", "/email/messages/$m->{id}"], ["post", "/email/messages/$later->{id}/cancel", undef],
     ["post", "/email/messages/$m->{id}/resend", {}],
     map { ["get", "/email/outbox/$m->{id}$_"] } '', '/view', '/raw')
{
    my ($verb, @args) = @$_;
    is $t->$verb(@args, token => $Mails::OTHER)->{status}, 404, "another tenant: $args[0]";
}

$t->fails($t->get("/email/messages/$Pando::Routes::NOBODY"), 'GET /email/messages/{id}',
    'not_found');
$t->fails($t->get("/email/outbox/$Pando::Routes::NOBODY$_"), "GET /email/outbox/{id}$_",
    'not_found') for '', '/view', '/raw';


# time

my $old = $t->mail(send_at => '2096-02-29T08:00:00Z');
$p->sql("update email.messages set next_at = now(), expires_at = now() where id = ?", $old->{id});
$p->sql("select email.sweep(10), email.wake(?, 'transactional', now())", $Pando::Token::TENANT);
$t->gets($old, 'expired', 'what is too late is not sent');
$p->sql("update email.messages set created_at = now() - interval '14 months' where id = ?",
        $old->{id});
$p->sql("update email.bodies set created_at = now() - interval '31 days' where message_id = ?",
        $m->{id});
cmp_ok +($p->sql('select email.forget(100)'))[0][0], '>=', 2, 'and old ones are forgotten';
is $t->row($m)->{content}, undef, 'first what they said';
is $t->get("/email/messages/$old->{id}")->{status}, 404, 'then they';
cmp_ok $t->works($t->delete('/email/outbox'), 'DELETE /email/outbox', 200)->{deleted}, '>=', 5,
    'the outbox is emptied';
is_deeply $t->get('/email/outbox')->json->{data}, [], 'of all';
$t->all_provoked('email_messages.c', 'email_outbox.c');

unlike $p->log . $p->log('access.log'), qr/ada\@/i, 'no address is in a log';

done_testing;
