# Campaigns: drafted, settled, paused, resumed, canceled; once to each number
# through the death of workers; and figures of what was sent.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Sms;

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    $s->print(Pando::Elsewhere::answer(200, '{}', 'Content-Type' => 'application/json'));
});
my $t = Sms->new(workers => 2, to => [$web], http => 'pando_jobs lease=2s;',
    set => { currency => 'EUR' });
my $p = $t->{p};
my $none = $Pando::Routes::NOBODY;
my $all = 'POST /sms/campaigns';
my $at = 'POST /sms/campaigns/{id}';

sub number { return sprintf '+4915%09d', 100000000 + $_[0] }
sub draft
{
    my (%set) = @_;
    my $r = $t->post('/sms/campaigns', { name => 'c', body => 'New rooms', %set });
    die $r->{raw} unless $r->{status} == 201;
    return $r->json;
}
sub of { my ($c) = @_; return $t->get("/sms/campaigns/$c->{id}")->json }
sub does { my ($c, $what, $body) = @_;
    return $t->post("/sms/campaigns/$c->{id}/$what", $body // ($what eq 'schedule' ? {} : undef)) }
sub boxed { return $t->count('outbox where body = ?', $_[0]) }


# a draft

my $c = $t->works($t->post('/sms/campaigns', { name => 'Spring', body => 'Spring is here',
    recipients => [ map { { to => $_ } } number(1), number(2), '+49 15 100000001' ] }), $all, 201);
is "$c->{state} $c->{pending}", 'draft 2', 'a draft, each number once';
$t->works(does($c, 'recipients', { recipients => [ map { { to => number($_) } } 2 .. 5 ] }),
    "$at/recipients", 200);
is of($c)->{pending}, 5, 'more of them';
$c = $t->works($t->patch("/sms/campaigns/$c->{id}", { name => 'Summer' }),
    'PATCH /sms/campaigns/{id}', 200);
is $c->{name}, 'Summer', 'changed';
$t->fails($t->post('/sms/campaigns', { name => 'x' }), $all, 'body_missing', '/body');
$t->fails($t->post('/sms/campaigns', { name => 'x', body => 'x', template => 'y' }), $all,
    'body_and_template', '/body');
$t->fails($t->post('/sms/campaigns', { name => 'x', body => 'x', recipients => [ { to =>
    number(1) }, { to => 'me' } ] }), $all, 'invalid_number', '/recipients/1/to');
$t->fails(does($c, 'recipients', { recipients => [ { to => 'me' } ] }), "$at/recipients",
    'invalid_number', '/recipients/0/to');
$t->fails($t->patch("/sms/campaigns/$c->{id}", { body => 'x', template => 'y' }),
    'PATCH /sms/campaigns/{id}', 'body_and_template', '/body');
$t->fails(does(draft(), 'schedule'), "$at/schedule", 'no_recipients');
$t->works($t->get('/sms/campaigns'), 'GET /sms/campaigns', 200);
is $t->get("/sms/campaigns/$c->{id}", token => $Sms::OTHER)->{status}, 404, 'another tenant';

# settled and sent

$t->works(does($c, 'schedule'), "$at/schedule", 200);
$t->waits(sub { of($c)->{state} eq 'finished' }, 'it is sent');
$t->waits(sub { (of($c)->{messages}{delivered} // 0) == 5 }, 'and delivered');
is boxed('Spring is here'), 5, 'to each';
is +($p->sql('select distinct lane from sms.messages'))[0][0], 'marketing';
is_deeply of($c)->{refused}, {};
for ([ recipients => { recipients => [ { to => number(9) } ] } ], [ 'schedule' ], [ 'pause' ],
     [ 'resume' ], [ 'cancel' ]) {
    $t->fails(does($c, @$_), "$at/$_->[0]", 'wrong_state');
    $t->fails(does({ id => $none }, @$_), "$at/$_->[0]", 'not_found');
}
$t->fails($t->patch("/sms/campaigns/$c->{id}", { name => 'x' }), 'PATCH /sms/campaigns/{id}',
    'wrong_state');
$t->fails($t->patch("/sms/campaigns/$_->[0]", { name => 'x' }, @$_[2 .. $#$_]),
    'PATCH /sms/campaigns/{id}', $_->[1]) for [ $none, 'not_found' ],
    [ $c->{id}, 'precondition_failed', 'If-Match' => '"v1"' ];
$t->fails($t->get("/sms/campaigns/$none"), 'GET /sms/campaigns/{id}', 'not_found');

# with a template, of which some cannot be made; to some who do not want it

$t->post('/sms/templates', { key => 'hello', bodies => { en => 'Hello {{name}}' } });
$t->post('/sms/templates/hello/publish');
$t->post('/sms/opt-outs', { number => number(12) });
my $r = $t->post('/sms/campaigns', { name => 'd', template => 'hello', recipients => [
    { to => number(11), data => { name => 'Ann' } },
    { to => number(12), data => { name => 'Bob' } },
    { to => number(13) }, { to => '+4930123456', data => { name => 'Eve' } } ] });
my $d = $r->json;
does($d, 'schedule');
$t->waits(sub { of($d)->{state} eq 'finished' }, 'one with a template');
is_deeply of($d)->{refused}, { opted_out => 1, missing_variable => 1, landline => 1 },
    'whom it was refused for, and why';
$t->waits(sub { boxed('Hello Ann') == 1 }, 'the others get it');
is scalar(() = $p->sql('select 1 from sms.campaign_recipients where data is not null
    and campaign_id = ?', $d->{id})), 0, 'what it was made of is not kept';

# a time, and hours

my $later = draft(recipients => [ { to => number(21) } ]);
does($later, 'schedule', { send_at => '2099-01-01T12:00:00Z' });
is of($later)->{state}, 'scheduled', 'for a time to come';
$t->works(does($later, 'pause'), "$at/pause", 200);
$t->works(does($later, 'resume'), "$at/resume", 200);
is of($later)->{state} . ' ' . of($later)->{send_at}, 'scheduled 2099-01-01T12:00:00Z',
    'as it was';
$t->fails($t->delete("/sms/campaigns/$later->{id}"), 'DELETE /sms/campaigns/{id}', 'wrong_state');
$t->works(does($later, 'cancel'), "$at/cancel", 200);
$t->fails($t->delete("/sms/campaigns/$later->{id}", 'If-Match' => '"v1"'),
    'DELETE /sms/campaigns/{id}', 'precondition_failed');
$t->works($t->delete("/sms/campaigns/$later->{id}"), 'DELETE /sms/campaigns/{id}', 204);
$t->fails($t->delete("/sms/campaigns/$later->{id}"), 'DELETE /sms/campaigns/{id}', 'not_found');


# two thousand, while workers die; paused meanwhile

my $big = draft(body => 'big', recipients => [ map { { to => number(1000 + $_) } } 1 .. 2000 ]);
does($big, 'schedule');
$t->waits(sub { $t->count('messages where campaign_id = ?', $big->{id}) >= 500 }, 'many are taken');
$p->kill_worker('KILL', ($p->worker_pids)[0]);
if (does($big, 'pause')->{status} == 200) {     # if it is not over already
    $t->waits(sub { !$t->count("messages where campaign_id = ? and state = 'submitting'",
        $big->{id}) }, 'what was under way ends');
    $t->waits(sub { !$t->count("messages where campaign_id = ? and state in ('queued', 'retry',
        'scheduled') and next_at < clock_timestamp() + interval '1 year'", $big->{id}) },
        'nothing else goes');
    $t->works(does($big, 'resume'), "$at/resume", 200);
}
$p->kill_worker('KILL', ($p->worker_pids)[1]);
$t->waits(sub { of($big)->{state} eq 'finished' && boxed('big') == 2000 }, 'all of it goes', 180)
    or diag encode_json(of($big));
is +($p->sql("select count(distinct to_e164) from sms.outbox where body = 'big'"))[0][0], 2000,
    'once to each';
is $t->count('messages where campaign_id = ?', $big->{id}), 2000, 'of which there is one message';

# paused when all of it was taken on: nothing of it goes, whoever comes for it

my $slow = $t->post('/sms/providers', { name => 'slow', kind => 'http', per_second => 1000,
    base_url => 'http://127.0.0.1:' . $web->port, config => { secret => 'x' } })->json;
$t->post('/sms/routes', { lane => 'marketing', provider_id => $slow->{id} });
sub window { $p->sql("update sms.windows set tat = clock_timestamp() + ?::interval,
    line_2_at = '2000-01-01'", $_[0]) }
sub behind
{
    my ($text, $from) = @_;
    window('1 hour');
    my $c = draft(body => $text, recipients => [ map { { to => number($from + $_) } } 1 .. 50 ]);
    does($c, 'schedule');
    $t->waits(sub { of($c)->{state} eq 'finished' }, 'fifty wait for a provider that has no room');
    return $c;
}
sub came { my ($text) = @_; return scalar grep { $_->{body} =~ /"$text"/ } $web->requests }

my $hold = behind('hold', 5000);
$t->works(does($hold, 'pause'), "$at/pause", 200);
window('-1 hour');
$t->waits(sub {
    $p->sql("update sms.messages set next_at = clock_timestamp() where campaign_id = ?
        and next_at < clock_timestamp() + interval '1 year'", $hold->{id});
    $p->sql("select sms.wake(tenant_id, lane, id, next_at) from sms.messages
        where campaign_id = ? and next_at <= clock_timestamp()", $hold->{id});
    return $t->count("messages where campaign_id = ? and state = 'queued'
        and next_at > clock_timestamp() + interval '1 year'", $hold->{id}) == 50;
}, 'paused, they are held');
is came('hold'), 0, 'and none goes';
$t->works(does($hold, 'resume'), "$at/resume", 200);
$t->waits(sub { came('hold') == 50 }, 'resumed, they go');
is of($hold)->{pending}, 0;

my $no = behind('no', 6000);
$t->works(does($no, 'cancel'), "$at/cancel", 200);
is_deeply of($no)->{messages}, { canceled => 50 }, 'canceled, they do not';
window('-1 hour');
is came('no'), 0, 'none of them';


# figures

$p->sql("update sms.messages set country = 'DE'");
$p->sql('delete from sms.messages where campaign_id is not null');
$p->sql('delete from sms.messages');
for ([ 'DE', 'delivered', 3, 9, 2, 't' ], [ 'DE', 'delivered', 3, 9, 4, 'f' ],
     [ 'DE', 'failed', 3, 9, undef, 'f' ], [ 'FR', 'accepted', 5, 5, undef, 'f' ]) {
    $p->sql("insert into sms.messages (id, tenant_id, lane, to_e164, country, encoding, segments,
            state, attempts, ttl_at, price_minor, dearest_minor, currency, accepted_at, ended_at,
            converted)
        values (pando.uuid7(), ?, 'otp', '+491', ?, 'gsm7', 2, ?, 1, now(), ?, ?, 'EUR',
            now() - ? * interval '1 s', now(), ?)", $Pando::Token::TENANT, @$_[0 .. 3],
        $_->[4] // 0, $_->[5]);
}
my $soon = 'to=' . $p->sql("select to_char((now() + interval '1 h') at time zone 'UTC',
    'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
my $f = $t->works($t->get("/sms/analytics?by=country&$soon"), 'GET /sms/analytics', 200)->{data};
is_deeply $f, [ { key => 'DE', sent => 3, delivered => 2, failed => 1, unknown => 0,
    converted => 1, conversion => 0.5, segments => 6, p50_s => 3, p95_s => 3.9,
    cost => { amount => 9, currency => 'EUR' }, saving => { amount => 18, currency => 'EUR' } },
    { key => 'FR', sent => 1, delivered => 0, failed => 0, unknown => 1, converted => 0,
    conversion => 0, segments => 2, p50_s => undef, p95_s => undef,
    cost => { amount => 5, currency => 'EUR' }, saving => { amount => 0, currency => 'EUR' } } ],
    'figures by country' or diag explain $f;
is_deeply [ map { "$_->{key} $_->{sent}" } @{ $t->get("/sms/analytics?$soon")->json->{data} } ],
    ['otp 4'], 'by lane';
is scalar @{ $t->get("/sms/analytics?by=$_&$soon")->json->{data} }, 1, "by $_"
    for qw(provider route template);
is_deeply $t->get("/sms/analytics?$soon", token => { scope => 'sms:read',
    tid => $Pando::Token::OTHER })->json->{data}, [], 'another tenant has its own';
is_deeply $t->get('/sms/analytics?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z')->json
    ->{data}, [], 'of a period';
$t->fails($t->get("/sms/analytics?$_"), 'GET /sms/analytics', 'period_invalid', '?from')
    for 'from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z',
        'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z';


# hours: three to five hours from now, in Germany

my $hour = (gmtime)[2] + 1;
$p->stop;
$p->configure(conf => $p->default_conf =~ s/(marketing_from_hour) "0"/"$1 " . ($hour + 3) % 24/er
    =~ s/(marketing_to_hour) "24"/"$1 " . ($hour + 5) % 24/er);
$p->start;
my $out = draft(recipients => [ { to => number(7001) } ]);
my $now = $p->sql("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
my $j = $t->fails(does($out, 'schedule', { send_at => $now }), "$at/schedule",
    'outside_legal_hours', '/send_at');
is $j->{country}, 'DE', 'it says where';
is of($out)->{state}, 'draft', 'it is as it was';
does($out, 'schedule');
$t->waits(sub { (of($out)->{messages}{scheduled} // 0) == 1 }, 'without a time it waits for them');
$t->all_provoked('sms_campaigns.c', 'sms_analytics.c');
$p->sql("update sms.campaigns set created_at = now() - interval '14 months'");
$p->sql('select sms.forget_campaigns(1000)');
is $t->count('campaign_recipients'), 0, 'after 13 months they are forgotten';

done_testing;
