# Codes that do not come: a second provider, another way to the same account;
# what that proves, and what it does not.  And people who leave, or take back
# what they agreed to.

use FindBin;
use lib $FindBin::Bin;
use Codes;
use JSON::PP;
use Pando;
use Pando::Elsewhere;

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    $s->print($rq->{path} eq '/bad' ? Pando::Elsewhere::answer(500, '')
        : Pando::Elsewhere::answer(200, '{}', 'Content-Type' => 'application/json'));
});
my $port = $web->port;
my $t = Codes->new(workers => 2, domains => [qw(verification sms email prover)],
    http => "pando_outbound_allow 127.0.0.1; pando_outbound_ports $port;
             pando_outbound_limits failures=100000; pando_set sms.delayed_seconds 1;");
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;
my $admin = $p->token(scope => 'sms:admin sms:write sms:read');
my $user = '01900000-0000-7000-8000-00000000beef';
my $token = $p->token(scope => '', sub => $user);

sub provider
{
    my ($name, $prefix, $priority) = @_;
    my $made = $p->post('/api/v1/sms/providers', { name => "$name $prefix", kind => 'http',
        base_url => "http://127.0.0.1:$port/$name", config => { secret => 'x' } },
        token => $admin)->json;
    $p->post('/api/v1/sms/routes', { prefix => $prefix, lane => 'otp', priority => $priority,
        provider_id => $made->{id} }, token => $admin);
    return $made;
}

sub ask
{
    my ($call, %in) = @_;
    return $p->post("/api/v1/prover/$call", \%in, token => $token)->json;
}
sub texts { my ($at, $to) = @_; return map { decode_json($_->{body})->{text} }
    grep { $_->{path} eq "/$at" && $_->{body} =~ /\Q$to\E/ } $web->requests }
sub mails
{
    my ($to) = @_;
    return grep { /\Q$to\E/ } map { $p->get("/api/v1/email/outbox/$_->{id}/raw",
            token => { scope => 'email:admin' })->{body} =~ s/^(?:Date|Message-ID|X-).*$//gimr }
        @{ $p->get('/api/v1/email/outbox?limit=50', token => { scope => 'email:admin' })
           ->json->{data} };
}
sub waits { my ($sub, $name) = @_; ok $p->wait_for($sub, 60), $name }
sub row { my ($v) = @_; return ($p->sql('select channel, masked, sends, switched_by is not null
    from verification.codes where id = ?', $v->{id}))[0] }


# the first provider answers 500: the second one has it at once

provider('bad', '49151', 1);
my $good = provider('good', '49151', 2);
my $v = $t->started(to => '+4915123456789');
waits(sub { texts('good', '+4915123456789') }, 'a code comes by the second provider');
is scalar(() = texts('bad', '+4915123456789')), 1, 'which was tried after the first one';
my $took = $p->sql("select extract(epoch from max(l.at) - min(l.at)) from sms.log as l
    where l.kind in ('queued', 'submitted')");
cmp_ok $took, '<', 5, 'within five seconds';
my ($code) = (texts('good', '+4915123456789'))[0] =~ /(\d{6})/;
is $t->check($v, $code)->{status}, 200, 'it is right';


# no provider takes it: the same code by mail

$p->sql('delete from sms.routes');
provider('bad', '49152', 1);
my %in = (purpose => 'login', to => '+4915223456789', also => 'ann@example.com');
$v = ask(start => %in);
is "$v->{rc} $v->{channel} $v->{masked_to}", '0 sms +49*********89', 'a code goes by SMS';
waits(sub { row($v)->[0] eq 'email' }, 'which does not come: it goes by mail');
is "@{ row($v) }", 'email a***@example.com 2 1';
waits(sub { mails('ann@example.com') }, 'and arrives');
my ($sent) = (mails('ann@example.com'))[0] =~ /^(\d{6}) is/m;
my ($texted) = (texts('bad', '+4915223456789'))[0] =~ /(\d{6})/;
is $sent, $texted, 'the same one';
my $c = ask(check => id => $v->{id}, code => $sent);
is $c->{status}, 'approved', 'it is right';
my $r = ask(redeem => proof => $c->{proof}, purpose => 'login');
is "$r->{rc} $r->{id}", "0 $v->{id}";
is $r->{destination}, '', 'but does not prove the number, nor the address';

is ask(start => %in, purpose => $_)->{rc}, 3, "not to $_: that is to prove a destination"
    for qw(register change_identifier);
is ask(start => %in, also => '+4915223456780')->{rc}, 3, 'nor by the same channel';
is ask(start => %in, also => 'nonsense')->{rc}, 1, 'nor to nowhere';


# it was taken, and nothing is heard of it

$p->sql('delete from sms.routes');
provider('good', '49157', 1);
$v = ask(start => %in, to => '+4915723456789', also => 'bob@example.com');
waits(sub { texts('good', '+4915723456789') }, 'a code is taken');
waits(sub { mails('bob@example.com') }, 'nothing is heard of it: it goes by mail');
is scalar $p->sql("select data->>'state' from pando.outbox where type = 'sms.delayed'
    and data->>'key' like ?", "%$v->{id}%"), 'accepted', 'which is told';
$p->sql("select pando.enqueue('sms.late', jsonb_build_object('id', (select message_id from
    sms.message_keys where dedup_key like ?)), ?), pg_notify('pando_jobs', 'more')",
    "%$v->{id}%", $tenant);
waits(sub { ($p->sql("select count(*) from pando.outbox where type = 'sms.delayed'
    and data->>'key' like ?", "%$v->{id}%"))[0][0] >= 2 }, 'told again');
my $alone = $t->started(to => '+4915723456781', purpose => 'login');
waits(sub { ($p->sql('select next_send_at <= clock_timestamp() from verification.codes
    where id = ?', $alone->{id}))[0][0] }, 'where there is no other way it may be asked for again');
is row($v)->[2], 2, 'it went once only';
is scalar(() = mails('bob@example.com')), 1;
$p->sql("update sms.messages set state = 'delivered' where state = 'accepted'");
is scalar $p->sql('select sms.late(tenant_id, id, 1) from sms.messages where state = ? limit 1',
    'delivered'), 0, 'what has come is not late';

# a route that is slow has more time

my $slow = $p->sql("select id from sms.routes limit 1");
$p->sql("insert into sms.route_stats (route_id, tenant_id, hour, sent, delivered, failed, late)
    values (?, ?, date_trunc('hour', now()), 100, 100, 0, '{0,0,0,100,0,0,0,0,0,0}')", $slow,
    $tenant);
is scalar $p->sql('select sms.p95(?)', $slow), 8, 'its p95';
$p->sql("update sms.messages set state = 'accepted', accepted_at = clock_timestamp(),
    route_id = ? where to_e164 = '+4915723456781'", $slow);
my $left = $p->sql("select sms.late(tenant_id, id, 1) from sms.messages
    where to_e164 = '+4915723456781'");
ok $left > 15000 && $left <= 20000, 'a code by a route with a p95 of 8 s is late after 20 s'
    or diag $left;


# sms for other domains

$p->post('/api/v1/sms/prices/import', { provider_id => $good->{id}, csv => '49,3' },
    token => $admin);
$p->sql('delete from sms.routes');
is_deeply ask(worth => to => $Codes::TO, body => 'x', lane => 'otp'), { rc => 0, segments => 1,
    minor => 0, encoding => 'gsm7', currency => 'EUR' }, 'captured messages cost nothing';
provider('good', '49', 1);
is ask(worth => to => $Codes::TO, body => 'x', lane => 'otp')->{minor}, -1, 'nobody knows';
is ask(worth => to => $Codes::TO, body => 'x', lane => 'marketing')->{rc}, 6, 'no route';
is ask(worth => to => 'me', body => 'x', lane => 'otp')->{rc}, 2;
is ask(worth => to => $Codes::TO, body => "\x{416}" x 1000, lane => 'otp')->{rc}, 5;

my $to = '+4915123456799';
my $opted = sub { ask(opted => number => $to, @_)->{opted_out} ? 1 : 0 };
is $opted->(), 0, 'nobody has opted out';
$p->post('/api/v1/sms/opt-outs', { number => $to, sender => 'GROVE' }, token => $admin);
is $opted->() . $opted->(sender => 'GROVE'), '01', 'of one sender';
is ask(opted => number => 'x')->{rc}, 2;


# consent, and leaving

sub announce { my ($type, $data) = @_; $p->sql('select pando.emit(?, ?, 1, ?, ?)', $tenant, $type,
    $user, encode_json($data)) }
sub sends { my ($lane) = @_; return $p->post('/api/v1/sms/messages', { to => $to, body => 'Hi',
    lane => $lane }, token => $admin)->json->{code} // '' }
$p->sql('delete from sms.routes');
announce('user.consent_changed', { purpose => 'marketing', granted => JSON::PP::false,
    phones => [ 'nonsense', $to ] });
waits(sub { sends('marketing') eq 'opted_out' }, 'who takes back a consent gets no advertisements');
is sends('transactional'), '', 'but what they need';
announce('user.consent_changed', { purpose => 'marketing', granted => JSON::PP::true,
    phone => $to });
waits(sub { sends('marketing') eq '' }, 'until they agree again');

my $own = $p->post('/api/v1/verifications', { purpose => 'step_up', to => $to },
    token => $token)->json;
my $all = ask(number => number => $to)->{data};
ok @{ $all->{messages} } >= 2 && @{ $all->{opt_outs} } == 1, 'all that is kept of a number';
is ask(number => number => 'x')->{rc}, 2;
is_deeply [ map { $_->{id} } @{ ask(account => user_id => $user)->{data}{codes} } ],
    [ map { $_->[0] } $p->sql('select id from verification.codes where account_id = ?
        order by id', $user) ], 'and of an account';
my $later = $p->post('/api/v1/sms/messages', { to => $to, body => 'x',
    send_at => '2099-01-01T00:00:00Z' }, token => $admin)->json;
announce('user.erasure_requested', { phones => [$to], email => 'ann@example.com' });
waits(sub { !($p->sql('select count(*) from sms.messages where to_e164 = ?', $to))[0][0] },
    'who leaves is forgotten');
waits(sub { !($p->sql('select count(*) from verification.codes where account_id = ?',
    $user))[0][0] }, 'with their codes');
is scalar $p->sql('select state from sms.messages where id = ?', $later->{id}), 'canceled',
    'what waited for them does not go';
is $opted->(sender => 'GROVE'), 1, 'what they do not want stays known';
is $p->get("/api/v1/verifications/$own->{id}", token => $token)->{status}, 404;

done_testing;
