# Prefixes from which no code comes back: the thirty-sixth is not sent, nothing
# is asked of a provider; and prefixes that staff block.

use FindBin;
use lib $FindBin::Bin;
use Codes;
use Pando;

my $t = Codes->new;
my $p = $t->{p};
my $start = 'POST /verifications';
my $tenant = $Pando::Token::TENANT;

sub counted
{
    my ($prefix, $sent, $converted) = @_;
    $p->sql("insert into verification.prefix_stats values (?, ?, date_trunc('hour', now()), 'DE',
        ?, ?)", $tenant, $prefix, $sent, $converted);
}

sub blocked { my ($to) = @_; return $t->start(to => $to)->json->{code} // 'sent' }

counted('4915100', 35, 0);
is blocked('+4915100000001'), 'destination_blocked', '35 and none converted: the 36th is not sent';
is +($p->sql('select count(*) from sms.messages'))[0][0], 0, 'nobody is asked to send it';
is +($p->sql('select count(*) from verification.codes'))[0][0], 0, 'no code is made';
my ($told) = $p->sql("select data from pando.outbox where type = 'verification.prefix_blocked'");
like $told->[0], qr/"sent": 35/, 'which is told';
is blocked('+4915100000002'), 'destination_blocked', 'nor the next one';
is scalar(() = $p->sql("select 1 from pando.outbox
    where type = 'verification.prefix_blocked'")), 1, 'which is told once';
counted('4915111', 34, 0);
is blocked('+4915111000001'), 'sent', '34 are too few to tell';
counted('4915112', 35, 2);
is blocked('+4915112000001'), 'sent', 'two that came back are enough';
counted('4915113', 200, 19);
is blocked('+4915113000001'), 'sent', 'with 19 of 200 it may be a tenth';
counted('4915114', 200, 9);
is blocked('+4915114000001'), 'destination_blocked', 'with 9 of 200 it is not';
is blocked('+4915115000001'), 'sent', 'another prefix is another one';

# what is young does not count yet

counted('4915116', 20, 0);
$p->sql("insert into verification.codes (id, tenant_id, purpose, channel, destination_hash, masked,
    locale, seed_ct, mac, binding_hash, max_attempts, max_sends, next_send_at, expires_at, prefix7)
    select pando.uuid7(), ?, 'login', 'sms', sha256(n::text::bytea), '', 'en', '', '', '', 5, 5,
        now(), now(), '4915116' from generate_series(1, 20) as n", $tenant);
$p->sql("update verification.prefix_stats set sent = 40 where prefix7 = '4915116'");
is blocked('+4915116000001'), 'sent', 'those of the last five minutes may still come';
$p->sql("update verification.codes set created_at = now() - interval '6 min'");
is blocked('+4915116000002'), 'destination_blocked', 'but later they count';

# what is answered counts

my $v = $t->started(to => '+4915117000001');
$t->check($v, $t->code('+4915117000001'));
is join(' ', map { @$_ } $p->sql("select sent, converted from verification.prefix_stats
    where prefix7 = '4915117'")), '1 1', 'a code that came back is counted';

# staff

my $admin = $t->{token};
my $blocks = '/verifications/prefix-blocks';
my $b = $t->works($t->post($blocks, { prefix => '4916', until => '2099-01-01T00:00:00Z' }),
    'POST /verifications/prefix-blocks', 201);
is $b->{by}, 'staff', 'a block of staff\'s';
$t->fails($t->start(to => '+4916012345678'), $start, 'destination_blocked', '/to');
is $t->post($blocks, { prefix => '4916', until => '2098-01-01T00:00:00Z' })->json->{id}, $b->{id},
    'there is one of a prefix';
is $t->start(to => '+4916012345678', purpose => 'step_up', token => $admin)->{status}, 403,
    'it is for every purpose';
$t->works($t->get($blocks), 'GET /verifications/prefix-blocks', 200);
$t->works($t->get("$blocks/$b->{id}"), 'GET /verifications/prefix-blocks/{id}', 200);
$t->fails($t->get("$blocks/$Pando::Routes::NOBODY"), 'GET /verifications/prefix-blocks/{id}',
    'not_found');
my $del = 'DELETE /verifications/prefix-blocks/{id}';
$t->fails($t->delete("$blocks/$b->{id}", 'If-Match' => '"v1"'), $del, 'precondition_failed');
$t->works($t->delete("$blocks/$b->{id}"), $del, 204);
is blocked('+4916012345678'), 'sent', 'lifted';
my ($rule) = $p->sql("select id from verification.blocked_prefixes where prefix = '4915100'");
$t->works($t->delete("$blocks/$rule->[0]"), $del, 204);
is blocked('+4915100000001'), 'sent', 'a rule\'s, too: it counts anew';
is $p->post("/api/v1$blocks", { prefix => '1', until => '2099-01-01T00:00:00Z' }, token => {
    scope => 'verification:write' })->{status}, 403, 'only staff does';
$t->all_provoked('verification_guard.c');

$p->sql("update verification.prefix_stats set hour = now() - interval '9 days'");
$p->sql("update verification.blocked_prefixes set until = now() - interval '31 days'");
$p->sql('select verification.purge_guard()');
is +($p->sql('select (select count(*) from verification.prefix_stats)
    + (select count(*) from verification.blocked_prefixes)'))[0][0], 0, 'old ones are forgotten';

done_testing;
