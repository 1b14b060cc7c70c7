# Templates: drafted, published, and what is sent by them; and the call by
# which other domains send.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Sms;

my $t = Sms->new;
my $p = $t->{p};
my $all = 'POST /sms/templates';
my $one = 'PATCH /sms/templates/{key}';
my $send = 'POST /sms/messages';
my %in = (key => 'welcome', bodies => { en => 'Hello {{name}}', de => 'Hallo {{name}}' });

my $w = $t->works($t->post('/sms/templates', \%in), $all, 201);
is_deeply $w->{draft}, $in{bodies}, 'a draft';
is_deeply [ $w->{published}, $w->{published_version} ], [ {}, undef ], 'that is not sent yet';
$t->fails($t->post('/sms/templates', \%in), $all, 'template_key_taken', '/key');
$t->fails($t->post('/sms/templates', { %in, bodies => { en => $_ } }), $all, 'template_syntax',
    '/bodies/en', "no template: $_") for '{{name', '{{#a}}', '{{/a}}';
$t->fails($t->post('/sms/templates', { %in, bodies => $_->[0] }), $all, 'bodies_malformed', $_->[1])
    for [ {}, '/bodies' ], [ { english => 'x' }, '/bodies/english' ], [ { en => 1 }, '/bodies/en' ],
        [ [ 'x' ], '/bodies' ], [ { en => '' }, '/bodies/en' ];
$t->fails($t->post('/sms/messages', { to => $Sms::TO, template => 'welcome' }), $send,
    'unknown_template', '/template');

my $publish = 'POST /sms/templates/{key}/publish';
$w = $t->works($t->post('/sms/templates/welcome/publish'), $publish, 200);
is_deeply [ @$w{qw(draft published published_version)} ], [ {}, $in{bodies}, 1 ], 'published';
$t->fails($t->post('/sms/templates/welcome/publish'), $publish, 'nothing_to_publish');
$t->fails($t->post('/sms/templates/none/publish'), $publish, 'not_found');

# what is sent

my %to = (to => $Sms::TO, template => 'welcome', data => { name => 'Ann' });
my $body = sub {
    my $m = $t->works($t->post('/sms/messages', { %to, @_ }), $send, 202);
    my $got = $t->message($m);
    return "$got->{body} $got->{template} $got->{template_version}";
};
is $body->(), 'Hello Ann welcome 1', 'by the template';
is $body->(locale => 'de'), 'Hallo Ann welcome 1', 'in a language';
is $body->(locale => 'de-AT'), 'Hallo Ann welcome 1', 'or near it';
is $body->(locale => 'fr'), 'Hello Ann welcome 1', 'or in English';
is $t->fails($t->post('/sms/messages', { %to, data => {} }), $send, 'missing_variable', '/data')
    ->{reason}, 'name', 'a name without data';
$t->fails($t->post('/sms/messages', { %to, body => 'x' }), $send, 'body_and_template', '/body');
is $t->works($t->post('/sms/messages/batch', { messages => [ \%to, { %to, data => {} },
    { %to, template => 'none' } ] }), 'POST /sms/messages/batch', 202)->{data}[1]{reason}, 'name',
    'in a batch, too';

# another version, and what it would look like

$w = $t->works($t->patch('/sms/templates/welcome', { bodies => { en => 'Hi {{name}}',
    fr => 'Salut' }, max_segments => 1 }, 'If-Match' => qq("v$w->{version}")), $one, 200);
is_deeply $w->{draft}, { en => 'Hi {{name}}', fr => 'Salut' }, 'drafted anew';
is $body->(), 'Hello Ann welcome 1', 'what is published is sent';
my $seen = $t->works($t->post('/sms/templates/welcome/preview', { data => { name => "\x{416}" } }),
    'POST /sms/templates/{key}/preview', 200)->{data};
is_deeply [ map { "$_->{locale} $_->{body} $_->{encoding}" } @$seen ],
    [ "de Hallo \x{416} ucs2", "en Hi \x{416} ucs2", 'fr Salut gsm7' ], 'a preview';
$seen = $t->post('/sms/templates/welcome/preview', { data => {} })->json->{data};
is_deeply [ map { $_->{error} } @$seen ], [ 'name', 'name', undef ], 'and what it lacks';
ok $t->post('/sms/templates/welcome/preview', { data => { name => 'a' x 200 } })
    ->json->{data}[1]{too_long}, 'or has too much of';
$t->fails($t->post('/sms/templates/none/preview', { data => {} }),
    'POST /sms/templates/{key}/preview', 'not_found');
$w = $t->works($t->patch('/sms/templates/welcome', { bodies => { fr => undef } }), $one, 200);
is_deeply $w->{draft}, { en => 'Hi {{name}}' }, 'a draft is taken away';
$t->post('/sms/templates/welcome/publish');
is $body->(), 'Hi Ann welcome 2', 'the next version';
is $body->(locale => 'de'), 'Hallo Ann welcome 1', 'what was not drafted stays';
$t->fails($t->post('/sms/messages', { %to, data => { name => 'a' x 170 } }), $send, 'too_long',
    '/body');
$t->fails($t->patch('/sms/templates/welcome', { description => 'x' }, 'If-Match' => '"v1"'), $one,
    'precondition_failed');
$t->fails($t->patch('/sms/templates/welcome', { bodies => { en => '{{' } }), $one,
    'template_syntax', '/bodies/en');
$t->fails($t->patch('/sms/templates/welcome', { bodies => { e => 'x' } }), $one,
    'bodies_malformed', '/bodies/e');

# two publish at once: one version each time, and one of each language

my @r = $p->parallel(map { ([ 'PATCH', '/api/v1/sms/templates/welcome', token => $t->{token},
        body => { bodies => { en => "At once $_" } } ],
    [ 'POST', '/api/v1/sms/templates/welcome/publish', token => $t->{token} ]) } 1 .. 10);
is scalar(grep { $_->{status} !~ /^(?:200|409)$/ } @r), 0, 'drafted and published at once';
is $t->count("template_versions where state = 'published' and locale = 'en'"), 1,
    'one text is published';

$t->works($t->get('/sms/templates'), 'GET /sms/templates', 200);
is $t->get('/sms/templates/welcome', token => $Sms::OTHER)->{status}, 404, 'another tenant';
is_deeply $t->get('/sms/templates', token => $Sms::OTHER)->json->{data}, [];
$t->fails($t->get('/sms/templates/none'), 'GET /sms/templates/{key}', 'not_found');
$t->fails($t->delete('/sms/templates/welcome', 'If-Match' => '"v1"'),
    'DELETE /sms/templates/{key}', 'precondition_failed');
$t->works($t->delete('/sms/templates/welcome'), 'DELETE /sms/templates/{key}', 204);
$t->all_provoked('sms_templates.c');

done_testing;
