# Campaigns: what they lack, who gets one and what it says, pausing, and that
# nobody gets a second one though workers die.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;
use Pando::Elsewhere;

my $server = Pando::Elsewhere->mail;
my $t = Mails->new(workers => 4, to => [$server], http => 'pando_set email.lease_seconds 8;
    pando_jobs lease=3s; pando_set email.public_url https://m.pando.test;');
my $p = $t->{p};
my ($post, $of) = ('POST /email/campaigns', '/email/campaigns/{id}');
my %place = (postal_address => 'Aspen Road 1');
my $tenant = $Pando::Token::TENANT;

sub list { my ($name, @who) = @_;
    my $l = $t->post('/email/lists', { name => $name })->json;
    $t->post("/email/lists/$l->{id}/members", { proof => { source => 'test' },
        members => [ map { ref $_ ? $_ : { address => $_ } } @who ] }) if @who;
    return $l->{id} }
sub template { my ($key, %in) = @_;
    $t->post('/email/templates', { key => $key, subject => 'Hi {{name | default "you"}}',
        text => '{{word}} {{unsubscribe_url}} {{postal_address}}', %in });
    $t->post("/email/templates/$key/publish", {}) }
sub campaign { my (%in) = @_;
    my $r = $t->post('/email/campaigns', { name => 'Spring', template => 'news', %place, %in });
    die "no campaign: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json }
sub at { my ($c) = @_; return $t->get("/email/campaigns/$c->{id}")->json }
sub done { my ($c) = @_; my $now = at($c);
    return $now->{state} eq 'sent' && !$now->{counts}{sending} }
sub act { my ($c, $what, $body, @o) = @_;
    return $t->post("/email/campaigns/$c->{id}/$what", $body // {}, @o) }


# what one lacks

my $l = list('News', { address => 'Ada@x.test', name => 'Ada', data => { word => 'one' } },
    { address => 'bob@x.test', locale => 'de', data => { word => 'zwei' } },
    { address => 'cut@x.test' }, { address => 'no@x.test', data => { word => 'x' } });
$t->post('/email/suppressions', { addresses => ['no@x.test'], scope => 'marketing' });
my $none = list('None');
$t->fails($t->post('/email/campaigns', { name => 'a', template => 'news', %place,
    list_id => $Pando::Routes::NOBODY }), $post, 'unknown_list', '/list_id');
$t->fails($t->post('/email/campaigns', { name => 'a', template => 'news', %place, list_id => $l,
    $_ => 'x' }), $post, 'invalid_address', "/$_") for 'from', 'reply_to';
$t->fails($t->post('/email/campaigns', { name => 'a', template => 'news', %place, list_id => $l,
    from_name => "a\nb" }), $post, 'header_not_allowed', '/from_name');
my $c = $t->works($t->post('/email/campaigns', { name => 'Spring', template => 'news', %place,
    list_id => $l, from => 'us@pando.test', from_name => 'Us' }), $post, 201);
is $c->{state}, 'draft', 'a draft';
my ($check, $go) = ("POST $of/validate", "POST $of/schedule");
my $lacks = sub { my ($code, $pointer) = @_;
    is $t->works(act($c, 'validate'), $check, 200)->{code}, $code, "it lacks: $code";
    $t->fails(act($c, 'schedule'), $go, $code, $pointer) };
$lacks->('unknown_template', '/template');
template('news', text => 'hello');
$lacks->('no_unsubscribe');
$t->put('/email/templates/news', { subject => 's', text => '{{unsubscribe_url}}' });
$t->post('/email/templates/news/publish', {});
$lacks->('no_postal_address');
$t->put('/email/templates/news', { subject => 'Hi {{name | default "you"}}',
    text => '{{word}} {{unsubscribe_url}} {{postal_address}}' });
$t->post('/email/templates/news/publish', {});
my $empty = campaign(list_id => $none);
is act($empty, 'validate')->json->{code}, 'no_audience', 'nobody to write to';
$t->fails(act($empty, 'schedule'), $go, 'no_audience');
is_deeply act($c, 'validate')->json, { valid => JSON::PP::true, code => undef, text => undef },
    'it lacks nothing';


# who gets it, and what it says

$t->works(act($c, 'schedule'), $go, 200);
$t->waits(sub { done($c) }, 'it is sent') or diag explain at($c);
my $done = at($c);
is $done->{total}, 4, 'to four';
is_deeply $done->{counts}, { sent => 2, failed => 1, skipped => 1 }, 'of whom two get it'
    or diag explain $done;
my %by = map { $_->{to} => $_ }
    @{ $t->get("/email/messages?campaign=$c->{id}")->json->{data} };
is $by{'cut@x.test'}{reason}, 'missing_variable', 'one has no data for it';
is $by{'Ada@x.test'}{list}, $l, 'each knows its list';
my $raw = $t->raw($by{'Ada@x.test'}) =~ s/=?\r\n[ \t]?//gr;
like $raw, qr/From: Us <us\@pando\.test>/;
like $raw, qr/Subject: Hi Ada/, 'by name';
like $raw, qr{one https://m\.pando\.test/e/u/[\w-]{60,} Aspen Road 1}, 'with its own data and link';
like $raw, qr/List-Unsubscribe-Post: List-Unsubscribe=One-Click/;
is_deeply [ map { "$_->[0] $_->[1]" } $p->sql("select type, data ->> 'total' from pando.outbox
    where type like 'email_campaign.%' order by seq") ],
    [ 'email_campaign.started 4', 'email_campaign.finished 4' ], 'which is told';
$t->fails(act($c, 'schedule'), $go, 'wrong_state');


# variants are looked at when they are saved

for (['variants_not_allowed', '/ab/variants/1/key', 'a'], ['template_syntax',
    '/ab/variants/1/subject', 'b', subject => '{{'])
{
    my ($code, $pointer, $key, @more) = @$_;
    my %in = (ab => { share => 100, variants => [ { key => 'a' }, { key => $key, @more } ] });
    $t->fails($t->post('/email/campaigns', { name => 'a', template => 'news', %place,
        list_id => $l, %in }), $post, $code, $pointer);
    $t->fails($t->patch("/email/campaigns/$empty->{id}", \%in), "PATCH $of", $code, $pointer);
}


# one click, and the next one skips

my ($link) = $raw =~ m{one https://m\.pando\.test(/e/u/[\w-]+) };
$p->request(POST => $link);
my $next = campaign(list_id => $l);
act($next, 'schedule');
$t->waits(sub { done($next) }, 'the next one');
is_deeply at($next)->{counts}, { sent => 1, failed => 1, skipped => 1 }, 'skips who left';
is at($next)->{total}, 3, 'and does not count them';


# later, or never

my $later = campaign(list_id => $l);
is act($later, 'schedule', { send_at => '2096-01-01T00:00:00Z' })->json->{state}, 'scheduled';
my ($patch, $delete) = ("PATCH $of", "DELETE $of");
$t->fails($t->patch("/email/campaigns/$later->{id}", { name => 'x' }), $patch, 'wrong_state');
$t->fails($t->delete("/email/campaigns/$later->{id}"), $delete, 'wrong_state');
$t->fails(act($later, $_), "POST $of/$_", 'wrong_state') for qw(pause resume);
is $t->works(act($later, 'cancel'), "POST $of/cancel", 200)->{state}, 'canceled';
$t->fails(act($later, 'cancel'), "POST $of/cancel", 'wrong_state');
is +($p->sql('select email.campaign_start(?, ?)', $tenant, $later->{id}))[0][0], 0,
    'what is canceled does not begin';


# a large one, over SMTP, paused, and with workers that die

my $n = 1500;
$t->post('/email/providers', { name => 'relay', kind => 'smtp', host => '127.0.0.1',
    port => $server->port, tls => 'plain' });
my $many = list('Many');
$p->sql("select email.import(?, ?, (select jsonb_agg(jsonb_build_object('norm',
    'u' || i || '\@x.test', 'address', 'u' || i || '\@x.test', 'data', '{\"word\": \"w\"}'::jsonb))
    from generate_series(1, $n) i), '{}')", $tenant, $many);
my $big = campaign(list_id => $many);
is act($big, 'validate')->json->{code}, 'domain_not_verified', 'what leaves needs a domain';
$t->fails(act($big, 'schedule'), $go, 'domain_not_verified', '/from');
my $domain = $t->post('/email/domains', { domain => 'example.com' })->json;
$p->sql("update email.domains set state = 'verified', checks = jsonb_build_object('dkim',
    (select jsonb_object_agg(selector, 'ok') from email.domain_keys)) where id = ?", $domain->{id});
act($big, 'schedule');
my $came = sub { scalar grep { /^RCPT/ } map { $_->{line} // () } $server->notes };
$t->waits(sub { $came->() > 50 }, 'it is under way');
$t->works(act($big, 'pause'), "POST $of/pause", 200);
$t->waits(sub { !($p->sql("select count(*) from email.messages where state = 'sending'"))[0][0] },
          'what is in hand is sent');
my $paused = $came->();
cmp_ok $paused, '<', $n, 'the rest waits';
is +($p->sql('select count(*) from email.claim_recipient(?, ?, 60)', $tenant, $big->{id}))[0][0],
    0, 'nobody may claim one';
is at($big)->{state}, 'paused';
$t->works(act($big, 'resume'), "POST $of/resume", 200);
$t->waits(sub { $came->() > $paused + 100 }, 'it goes on');
$p->kill_worker('KILL', $_) for ($p->worker_pids)[0, 1];
$t->waits(sub { $p->sql('select email.sweep(100)'); at($big)->{state} eq 'sent' },
          'though two of four die', 120) or diag explain at($big);
$t->waits(sub { $p->sql('select email.sweep(100)');
    !@{ $t->get("/email/messages?campaign=$big->{id}&state=sending")->json->{data} } },
    'all come to an end', 60);
my $counts = at($big)->{counts};
my $lost = $counts->{uncertain} // 0;
is(($counts->{sent} // 0) + $lost, $n, 'each is sent, or known to be uncertain')
    or diag explain $counts;
my %got;
$got{$_}++ for map { /^RCPT TO:<(.*)>/ ? $1 : () } map { $_->{line} // () } $server->notes;
is scalar(grep { $_ > 1 } values %got), 0, 'nobody is written to twice';
my %uncertain = map { $_->{to} => 1 }
    @{ $t->get("/email/messages?campaign=$big->{id}&state=uncertain&limit=200")->json->{data} };
is scalar(grep { !$got{"u$_\@x.test"} && !$uncertain{"u$_\@x.test"} } 1 .. $n), 0,
    'and nobody is forgotten';
is scalar(keys %uncertain), $lost, 'the uncertain ones are listed';


# campaigns themselves

is scalar @{ $t->works($t->get('/email/campaigns'), 'GET /email/campaigns', 200)->{data} }, 5;
is scalar @{ $t->get('/email/campaigns?state=draft')->json->{data} }, 1, 'by state';
$t->works($t->get("/email/campaigns/$c->{id}"), "GET $of", 200);
is $t->works($t->patch("/email/campaigns/$empty->{id}", { name => 'New', from => 'a@b.test' }),
    $patch, 200)->{name}, 'New';
$t->fails($t->patch("/email/campaigns/$empty->{id}", { from => 'x' }), $patch, 'invalid_address',
    '/from');
$t->fails($t->patch("/email/campaigns/$empty->{id}", { from_name => "a\nb" }), $patch,
    'header_not_allowed', '/from_name');
$t->fails($t->patch("/email/campaigns/$empty->{id}", {}, 'If-Match' => '"1"'), $patch,
    'precondition_failed');
is $t->get("/email/campaigns/$c->{id}", token => $Mails::OTHER)->{status}, 404, 'another tenant';
my $no = $Pando::Routes::NOBODY;
$t->fails($t->get("/email/campaigns/$no"), "GET $of", 'not_found');
$t->fails($t->patch("/email/campaigns/$no", {}), $patch, 'not_found');
$t->fails(act({ id => $no }, $_), "POST $of/$_", 'not_found')
    for qw(validate schedule pause resume cancel);
$t->fails($t->delete("/email/campaigns/$empty->{id}", 'If-Match' => '"1"'), $delete,
    'precondition_failed');
$t->works($t->delete("/email/campaigns/$empty->{id}"), $delete, 204);
$t->fails($t->delete("/email/campaigns/$empty->{id}"), $delete, 'not_found');
$t->all_provoked('email_campaigns.c');

done_testing;
