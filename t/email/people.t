# Answers to what other domains wrote about; people who leave, and those who
# take back a consent; and senders whose domain is not verified.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;

my $key = 'a key that only our mta has';
my $t = Mails->new(workers => 2, domains => [ 'poster', 'email' ],
    http => "pando_set email.inbound_key '$key'; pando_set email.bounce_host back.pando.test;");
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;

sub come
{
    my ($to, $head) = @_;
    $to =~ s/([+@])/sprintf '%%%02x', ord $1/ge;
    return $p->request(POST => "/api/v1/email/inbound?to=$to", 'X-Inbound-Key' => $key,
        body => "From: Ada <Ada\@x.test>\r\nSubject: Re: it\r\n$head\r\nyes\r\n",
        'Content-Type' => 'message/rfc822')->json->{outcome};
}

sub rows { my ($sql, @args) = @_; return ($p->sql("select count(*) from $sql", @args))[0][0] }
sub announce { my ($type, $data) = @_;
    $p->sql("select pando.emit(?, ?, 1, pando.uuid7(), ?::jsonb)", $tenant, $type, $data) }


# answers

my $id = '01900000-0000-7000-8000-000000000001';
my $ask = sub { $p->post('/api/v1/poster/reply-address', { module => 'orders',
    subject_id => $id }, token => {})->json->{address} };
my $to = $ask->();
like $to, qr/^r\+[\w-]{32}\@back\.pando\.test$/, 'an address for answers';
is $ask->(), $to, 'the same about the same';
is come($to, ''), 'received', 'an answer comes in';
is_deeply [ $p->sql("select data ->> 'module', data ->> 'subject_id', data ->> 'from'
    from pando.outbox where type = 'email.received'") ], [ [ 'orders', $id, 'Ada@x.test' ] ],
    'and is told to whom it is for';
is come($to, ''), 'known', 'once';
is come($to, "$_\r\n"), 'ignored', "not if it is automatic: $_"
    for 'Auto-Submitted: auto-replied', 'Precedence: bulk';
is come(substr($to, 0, 20) . ($to =~ /^.{20}A/ ? 'B' : 'A') . substr($to, 21), ''), 'dropped',
    'nor to an address that nobody gave away';
is rows('email.messages'), 0, 'nothing that comes in makes a mail';
is $t->get('/email/inbound')->json->{data}[0]{module}, 'orders', 'it is listed';


# who leaves

my $list = $t->post('/email/lists', { name => 'L' })->json->{id};
$t->post("/email/lists/$list/members", { proof => { source => 's' }, members =>
    [ { address => 'ada@x.test', name => 'Ada' }, { address => 'bob@x.test' } ] });
my $m = $t->mail(to => 'Ada@x.test', to_name => 'Ada Lovelace', subject => 'Dear Ada');
$t->gets($m, 'sent');
my $later = $t->mail(to => 'ada@x.test', send_at => '2096-01-01T00:00:00Z');
my $bob = $t->mail(to => 'bob@x.test');
$t->gets($bob, 'sent');
$t->post('/email/suppressions', { addresses => ['ada@x.test'], scope => 'marketing',
    reason => 'complaint' });
$t->post('/email/suppressions', { addresses => ['eve@x.test'] });
announce('user.erasure_requested',
    '{"emails": ["ADA@x.test", "no address"], "email": "eve@x.test"}');
$t->waits(sub { $t->state($later) eq 'canceled' }, 'who leaves gets no more of what waits');
$t->waits(sub { !rows("email.suppressions where to_norm = 'eve\@x.test'") }, 'each address');

for my $table ($p->sql("select c.relname from pg_class c join pg_namespace n on n.oid =
    c.relnamespace where n.nspname = 'email' and c.relkind = 'r' order by 1"))
{
    is rows("email.$table->[0] as t where t::text ilike '%ada\@x.test%'
        or t::text ilike '%lovelace%' or t::text ilike '%dear ada%'"), 0,
        "$table->[0] knows her no more";
}

is $t->row($m)->{content}, undef, 'nor what was said';
is $t->get("/email/outbox/$m->{id}")->{status}, 404;
is $t->row($bob)->{to}, 'bob@x.test', 'others are as they were';
is rows('email.list_members'), 1;
is $t->post('/email/messages', { to => 'ada@x.test', subject => 's', text => 't',
    lane => 'bulk' })->json->{reason}, 'complaint', 'what kept mail away still does';
is $t->post('/email/messages', { to => 'eve@x.test', subject => 's', text => 't' })
    ->json->{reason}, 'manual', 'for each of them';
is $t->post('/email/messages', { to => 'ada@x.test', subject => 's', text => 't' },
    token => $Mails::OTHER)->{status}, 202, 'and for this tenant alone';


# who wants no advertisements

my $why = sub { my $r = $t->post('/email/messages', { to => 'bob@x.test', subject => 's',
    text => 't', lane => $_[0] }); $r->{status} == 202 ? 'taken' : $r->json->{reason} };
announce('user.consent_changed',
    '{"email": "bob@x.test", "purpose": "analytics", "granted": false}');
announce('user.consent_changed',
    '{"email": "Bob@x.test", "purpose": "marketing", "granted": false}');
$t->waits(sub { rows("email.suppressions where to_norm = 'bob\@x.test'") }, 'a consent taken back');
is $why->('bulk'), 'unsubscribe', 'is one less to write to';
is $why->('transactional'), 'taken', 'but for what is needed';
announce('user.consent_changed',
    '{"email": "bob@x.test", "purpose": "marketing_email", "granted": true}');
$t->waits(sub { !rows("email.suppressions where to_norm = 'bob\@x.test'") }, 'and given again');
is $why->('bulk'), 'taken';


# whose domain is not verified

$t->post('/email/templates', { key => 'news', subject => 'n',
    text => '{{unsubscribe_url}} {{postal_address}}' });
$t->post('/email/templates/news/publish', {});
my $c = $t->post('/email/campaigns', { name => 'c', template => 'news', list_id => $list,
    from => 'us@pando.test', postal_address => 'here' })->json;
is $t->post("/email/campaigns/$c->{id}/validate", {})->json->{code}, undef,
    'where all is captured, anyone may be the sender';
$t->post('/email/providers', { name => 'relay', kind => 'smtp', host => '127.0.0.1' });
is $t->post("/email/campaigns/$c->{id}/validate", {})->json->{code}, 'domain_not_verified',
    'what leaves the house needs a domain';
my $r = $t->post("/email/campaigns/$c->{id}/schedule", {});
is "$r->{status} " . $r->json->{errors}[0]{pointer}, '422 /from', 'and does not begin';

done_testing;
