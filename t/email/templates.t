# Templates: drafts and what is published, languages, partials, what is filled
# with which data, and batches of them.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;

my $t = Mails->new(workers => 2);
my $p = $t->{p};
my $post = 'POST /email/templates';
my $of = '/email/templates/{key}';


# a draft, and its faults

my %welcome = (key => 'welcome', subject => 'Welcome, {{name}}',
    html => '<p>Hello {{name}}, <a href="{{link}}">go</a>{{#tip}} ({{tip}}){{/tip}}</p>');
my $w = $t->works($t->post('/email/templates', \%welcome), $post, 201);
is_deeply [ map { "$_->{locale} $_->{state}" } @{ $w->{versions} } ], ['en draft'], 'a draft';
$t->fails($t->post('/email/templates', \%welcome), $post, 'template_key_taken', '/key');
$t->fails($t->post('/email/templates', { key => 'x', subject => 'hi' }), $post,
    'content_missing');
my $j = $t->fails($t->post('/email/templates', { key => 'x', subject => 'hi',
    text => "one\ntwo {{#a}}\n" }), $post, 'template_syntax', '/text');
is "$j->{part} $j->{line}:$j->{column}", 'text 3:1', 'and where it is' or diag explain $j;
is $t->post('/email/templates', { key => 'x', subject => 'hi', html => '<a href={{x}}>' })
    ->json->{code}, 'template_syntax', 'a place where no value may be';

my %data = (name => 'Ada <b>', link => 'https://x.test/?a=1&b=2', tip => undef);
my $view = $t->works($t->post('/email/templates/welcome/preview', { data => \%data }),
                     "POST $of/preview", 200);
is $view->{subject}, 'Welcome, Ada <b>', 'a subject is plain';
is $view->{html}, '<p>Hello Ada &lt;b&gt;, <a href="https://x.test/?a=1&amp;b=2">go</a></p>',
    'HTML is made safe';
unlike $t->post('/email/templates/welcome/preview',
    { data => { %data, link => 'javascript:alert(1)' } })->json->{html}, qr/javascript:/,
    'an address is one to follow';
$j = $t->fails($t->post('/email/templates/welcome/preview', { data => { name => 'x' } }),
    "POST $of/preview", 'missing_variable', '/data');
is "$j->{part} $j->{line}", 'html 1';
$t->fails($t->post('/email/templates/welcome/preview', { data => { %data, name => [ 1 ] } }),
    "POST $of/preview", 'template_broken', '/data');
$t->fails($t->post('/email/templates/none/preview', {}), "POST $of/preview", 'not_found');


# who sends gets what is published

my $send = 'POST /email/messages';
my %mail = (to => 'ada@x.test', template => 'welcome', data => \%data);
$t->fails($t->post('/email/messages', \%mail), $send, 'unknown_template', '/template');
my $pub = "POST $of/publish";
$t->works($t->post('/email/templates/welcome/publish', {}), $pub, 200);
$t->fails($t->post('/email/templates/welcome/publish', {}), $pub, 'no_draft');
$t->fails($t->post('/email/templates/none/publish', {}), $pub, 'not_found');
my $m = $t->works($t->post('/email/messages', \%mail), $send, 202);
$t->gets($m, 'sent');
my $row = $t->row($m);
is $row->{subject}, 'Welcome, Ada <b>', 'as it was filled';
is $row->{content}{html}, $view->{html};
like $t->raw($m), qr/Hello Ada <b>, go/, 'with a text of its own';
$t->fails($t->post('/email/messages', { %mail, data => {} }), $send, 'missing_variable', '/data');
$t->fails($t->post('/email/messages', { %mail, data => { %data, name => {} } }), $send,
    'template_broken', '/data');
$t->fails($t->post('/email/messages', { %mail, template => 'none' }), $send,
    'unknown_template', '/template');
is $t->post('/email/messages', { %mail, data => { %data, name => "a\r\nBcc: b\@c.test" } })
    ->{status}, 202, 'data with line ends';
is scalar(() = $p->sql("select 1 from email.messages where subject ~ E'[\\r\\n]'")), 0,
    'has none in a subject';


# a second version, and back

my $put = "PUT $of";
$t->works($t->put('/email/templates/welcome', { subject => 'Second', text => 'yes' }), $put, 200);
is $t->post('/email/messages', \%mail)->{status}, 202;
is $t->row($t->post('/email/messages', \%mail)->json)->{subject}, 'Welcome, Ada <b>',
    'a draft is not sent';
is $t->post('/email/templates/welcome/preview', {})->json->{subject}, 'Second', 'but shown';
$t->post('/email/templates/welcome/publish', {});
is $t->row($t->post('/email/messages', \%mail)->json)->{subject}, 'Second', 'until it is published';
my $back = "POST $of/rollback";
$t->works($t->post('/email/templates/welcome/rollback', {}), $back, 200);
is $t->row($t->post('/email/messages', \%mail)->json)->{subject}, 'Welcome, Ada <b>', 'and back';
$t->fails($t->post('/email/templates/none/rollback', {}), $back, 'not_found');
is eval { $p->sql("update email.template_versions set html = 'x' where state = 'published'"); 1 },
    undef, 'what is published does not change';
my $etag = $t->get('/email/templates/welcome')->header('ETag');
$t->fails($t->put('/email/templates/welcome', { text => 'x' }, 'If-Match' => '"1"'), $put,
    'precondition_failed');
is $t->put('/email/templates/welcome', { text => 'x' }, 'If-Match' => $etag)->{status}, 200;
$t->fails($t->put('/email/templates/none', { text => 'x' }), $put, 'not_found');
$t->fails($t->put('/email/templates/welcome', {}), $put, 'content_missing');
$t->fails($t->put('/email/templates/welcome', { text => '{{' }), $put, 'template_syntax', '/text');


# languages

$t->put('/email/templates/welcome', { locale => 'de', subject => 'Hallo', text => 'ja' });
$t->post('/email/templates/welcome/publish', { locale => 'de' });
my $in = sub { $t->row($t->post('/email/messages', { %mail, locale => $_[0] })->json) };
is $in->('de')->{subject}, 'Hallo';
is $in->('de-AT')->{subject}, 'Hallo', 'one is enough for its regions';
is $in->('de-AT')->{locale}, 'de', 'which is noted';
is $in->('fr')->{subject}, 'Welcome, Ada <b>', 'else English';
$t->fails($t->post('/email/templates/welcome/rollback', { locale => 'de' }), $back,
    'no_former_version');


# layouts and partials

$t->post('/email/templates', { key => 'base', kind => 'partial',
    html => '<body><h1>{{$title}}none{{/title}}</h1>{{> foot}}</body>', text => 'x' });
$t->post('/email/templates', { key => 'foot', kind => 'partial', html => '<i>{{who}}</i>' });
$t->post("/email/templates/$_/publish", {}) for qw(base foot);
$t->post('/email/templates', { key => 'laid', subject => 's', preheader => 'Look & see {{who}}',
    html => '{{< base}}{{$title}}T{{/title}}{{/base}}' });
is $t->post('/email/templates/laid/preview', { data => { who => 'W&' } })->json->{html},
    '<body><div style="display:none">Look & see W&amp;</div><h1>T</h1><i>W&amp;</i></body>',
    'a layout, a partial, a line for lists';
$t->post('/email/templates', { key => 'lost', subject => 's', html => '{{> nowhere}}' });
$t->fails($t->post('/email/templates/lost/preview', {}), "POST $of/preview", 'template_syntax',
    '/html');
$t->fails($t->post('/email/templates/lost/publish', {}), $pub, 'template_syntax', '/html');


# to see it

my $test = "POST $of/test-send";
$t->gets($t->works($t->post('/email/templates/welcome/test-send', { to => 'me@x.test',
    data => \%data }), $test, 202), 'sent');
$t->fails($t->post('/email/templates/lost/test-send', { to => 'me@x.test' }), $test,
    'unknown_template', '/template');
$t->fails($t->post('/email/templates/welcome/test-send', { to => 'me@x.test' }), $test,
    'missing_variable', '/data');
$t->fails($t->post('/email/templates/welcome/test-send', { to => 'me@x.test',
    data => { %data, name => [] } }), $test, 'template_broken', '/data');
$t->fails($t->post('/email/templates/welcome/test-send', { to => 'me' }), $test,
    'invalid_address', '/to');
$p->sql("select email.suppress(?, 'no\@x.test', 'all', 'manual', null)", $Pando::Token::TENANT);
$t->fails($t->post('/email/templates/welcome/test-send', { to => 'no@x.test', data => \%data }),
    $test, 'suppressed', '/to');


# a batch

my $batch = 'POST /email/messages/batch';
my $r = $t->works($t->post('/email/messages/batch', { template => 'welcome', items => [
    map { +{ to => $_, data => { %data, name => $_ } } } 'a@x.test', 'b', 'no@x.test', 'c@x.test'
    ] }), $batch, 202)->{results};
is_deeply [ map { join ' ', grep { defined } @$_{qw(state code pointer reason)} } @$r ],
    [ 'queued', 'invalid_address /items/1/to', 'suppressed /items/2/to manual', 'queued' ],
    'each for itself' or diag explain $r;
is $t->row($r->[3])->{subject}, 'Welcome, c@x.test', 'with its own data';
is $t->row($r->[3])->{lane}, 'bulk', 'in the lane for many';
$t->gets($r->[$_], 'sent') for 0, 3;
my $many = $t->works($t->post('/email/messages/batch', { template => 'welcome', lane => 'bulk',
    items => [ map { +{ to => "u$_\@x.test", data => \%data } } 1 .. 1000 ] }, timeout => 120),
    $batch, 202)->{results};
is scalar(grep { $_->{id} } @$many), 1000, 'a thousand';
$t->waits(sub { ($p->sql("select count(*) from email.messages where state = 'sent'
    and lane = 'bulk'"))[0][0] == 1002 }, 'all are sent', 120);
is +($p->sql('select count(*), count(distinct to_norm) from email.messages m
    join email.captured c on c.message_id = m.id where lane = ?', 'bulk'))[0][0], 1002, 'once';


# lists of them, and the end

is_deeply [ map { $_->{key} } @{ $t->works($t->get('/email/templates'), 'GET /email/templates',
    200)->{data} } ], [ qw(base foot laid lost welcome) ], 'all of them';
$t->works($t->get('/email/templates/welcome'), "GET $of", 200);
$t->fails($t->get('/email/templates/none'), "GET $of", 'not_found');
is $t->get('/email/templates/welcome', token => $Mails::OTHER)->{status}, 404, 'another tenant';
my $delete = "DELETE $of";
$t->fails($t->delete('/email/templates/foot', 'If-Match' => '"9"'), $delete,
    'precondition_failed');
$t->works($t->delete('/email/templates/foot'), $delete, 204);
$t->fails($t->delete('/email/templates/foot'), $delete, 'not_found');
$t->all_provoked('email_templates.c');

done_testing;
