# Many at once: the day's money is never passed, nobody who said no gets what
# was queued, two workers hand nothing over twice, and codes pass a campaign.

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
my $t = Sms->new(workers => 2, to => [$web], set => { currency => 'EUR',
    spend_cap_minor => 40, captured => 'accepted' });
my $p = $t->{p};
my $home = 'http://127.0.0.1:' . $web->port;

sub way
{
    my ($name, $prefix, $price, $rate, @lanes) = @_;
    my $r = $t->post('/sms/providers', { name => $name, kind => 'http', base_url => "$home/$name",
        config => { secret => 'x' }, per_second => $rate });
    die $r->{raw} unless $r->{status} == 201;
    my $made = $r->json;

    $t->post('/sms/prices/import', { provider_id => $made->{id}, csv => "$prefix,$price" })
        if $price;
    $t->post('/sms/routes', { prefix => $prefix, lane => $_, provider_id => $made->{id} })
        for @lanes;
    return $made;
}

sub to { my ($at) = @_; return grep { $_->{path} eq "/$at" } $web->requests }


# room for 40, asked by 100

way('paid', '49151', 1, 1000, 'transactional');
my @r = $p->parallel(map { [ 'POST', '/api/v1/sms/messages', token => $t->{token},
    body => { to => sprintf('+49151%08d', 20000000 + $_), body => 'x' } ] } 1 .. 100);
is scalar(grep { $_->{status} == 202 } @r), 40, '40 are taken on';
is scalar(grep { $_->{status} == 429 && $_->json->{code} eq 'spend_limit' } @r), 60,
    '60 are not';
is +($p->sql('select minor from sms.spend'))[0][0], 40, 'the cap is reached, and not passed';
ok !eval { $p->sql('update sms.spend set minor = 41'); 1 }, 'nobody can pass it';
is join(' ', map { $_->[0] } $p->sql("select data->>'percent' from pando.outbox
    where type = 'sms.spend_reached' order by seq")), '80 100', 'both marks are told once';
$t->waits(sub { $t->count("messages where state = 'accepted'") == 40 }, 'they go');
is scalar(to('paid')), 40, 'each once';


# no more, while 50 wait

way('slow', '49152', 0, 1, qw(transactional marketing otp));
my @lanes = qw(transactional marketing);
$p->sql("update sms.windows set tat = clock_timestamp() + interval '600 s'
    where provider_id = (select id from sms.providers where name = 'slow')");
my $batch = $t->post('/sms/messages/batch', { messages => [ map { { to => '+4915223456789',
    body => "no $_", lane => $lanes[$_ % 2] } } 1 .. 50 ] })->json->{data};
my $code = $t->sent(to => '+4915223456789', lane => 'otp', body => 'code', ttl_s => 3600);
$t->waits(sub { $t->count("messages where to_e164 = '+4915223456789'
    and next_at > clock_timestamp() + interval '60 s'") == 51 }, 'there is no room: they wait');
is scalar(to('slow')), 0, 'none has gone';
$t->post('/sms/opt-outs', { number => '+4915223456789' });
$p->sql("update sms.windows set tat = '2000-01-01', line_1_at = '2000-01-01',
    line_2_at = '2000-01-01'");
$p->sql('update sms.providers set per_second = 1000');
$p->sql("update sms.messages set next_at = clock_timestamp()
    where to_e164 = '+4915223456789'");
$p->sql("select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages
    where to_e164 = '+4915223456789'");
$t->waits(sub { $t->count("messages where to_e164 = '+4915223456789'
    and state = 'suppressed'") == 50 }, 'of the 50 none goes');
$t->ends($code, 'accepted', 'a code does');
is join(' ', map { decode_json($_->{body})->{text} } to('slow')), 'code', 'and nothing else';


# a campaign, and codes behind it: they pass, since room is kept for them

way('window', '49157', 0, 5, qw(marketing otp));
$t->post('/sms/messages/batch', { messages => [ map { {
    to => sprintf('+49157%08d', 20000000 + $_), body => 'ad', lane => 'marketing' } } 1 .. 200 ] });
$t->waits(sub { to('window') >= 4 }, 'a campaign fills what it may of a window');
my @codes = map { $t->sent(to => sprintf('+49157%08d', 30000000 + $_), lane => 'otp',
                           body => 'code') } 1 .. 5;
$t->ends($_, 'accepted', 'a code is not behind it') for @codes;
ok +($p->sql("select count(*) from sms.messages where lane = 'marketing'
    and state in ('queued', 'retry', 'scheduled')"))[0][0] > 50, 'while the campaign waits';
my ($rate) = $p->sql("select count(*), extract(epoch from max(at) - min(at)) from sms.log
    where kind = 'submitted' and message_id in (select id from sms.messages
        where to_e164 like '+49157%')");
cmp_ok $rate->[0], '<=', 5 * ($rate->[1] + 1) + 1, 'a provider gets no more than it takes';
$p->sql("update sms.providers set per_second = 1000");
$p->sql("update sms.windows set tat = '2000-01-01', line_2_at = '2000-01-01'");
$p->sql("update sms.messages set next_at = clock_timestamp() where state = 'queued'");
$p->sql("select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages
    where state = 'queued'");
$t->waits(sub { $t->count("messages where lane = 'marketing' and state = 'accepted'") == 200 },
          'all of it goes', 120);
my %came;
$came{decode_json($_->{body})->{id}}++ for to('window');
is scalar(keys %came), 205, 'each of them';
is scalar(grep { $_ > 1 } values %came), 0, 'and none twice, however many looked for it';

done_testing;
