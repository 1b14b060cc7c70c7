# Codes by the door of sms: they are verification's, and without that there
# are none.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Sms;

my $t = Sms->new(domains => [qw(sms verification)],
                 http => 'pando_set verification.countries DE;',
                 set => { spend_cap_minor => 1, currency => 'EUR' });
my $p = $t->{p};
my ($start, $verify) = ('POST /sms/otp', 'POST /sms/otp/verify');

my $v = $t->works($t->post('/sms/otp', { to => $Sms::TO }), $start, 202);
is $v->{masked_to}, '+49*********89', 'a code is sent';
$t->waits(sub { $t->count('outbox') == 1 }, 'it comes');
my ($code) = ($p->sql('select body from sms.outbox'))[0][0] =~ /(\d{6})/;
my $bad = sprintf '%06d', ($code + 1) % 1000000;
is $t->fails($t->post('/sms/otp/verify', { id => $v->{id}, code => $bad }), $verify,
    'code_wrong', '/code')->{attempts_left}, 4, 'a wrong one';
like $t->works($t->post('/sms/otp/verify', { id => $v->{id}, code => $code }), $verify, 200)
    ->{proof}, qr/^.{43}$/, 'a right one';
$t->fails($t->post('/sms/otp/verify', { id => $v->{id}, code => $code }), $verify, 'code_used');
$t->waits(sub { $t->count('messages where converted') == 1 }, 'it counts for what brought it');
$t->fails($t->post('/sms/otp/verify', { id => $Pando::Routes::NOBODY, code => '1' }), $verify,
    'not_found');

for ([ 'invalid_number', '/to', to => '030 123456' ], [ 'invalid_number', '/to', to => 'a@b.de' ],
     [ 'country_not_allowed', '/to', to => '+33 6 12 34 56 78' ],
     [ 'unknown_purpose', '/purpose', purpose => 'x' ]) {
    my ($code, $at, %set) = @$_;
    $t->fails($t->post('/sms/otp', { to => $Sms::TO, %set }), $start, $code, $at);
}

$p->sql("insert into verification.blocked_prefixes (tenant_id, prefix, until, set_by)
    values (?, '49160', now() + interval '1 hour', 'staff')", $Pando::Token::TENANT);
$t->fails($t->post('/sms/otp', { to => '+4916012345678' }), $start, 'destination_blocked', '/to');

my $w = $t->post('/sms/otp', { to => '+4915123456701' })->json;
$t->fails($t->post('/sms/otp/verify', { id => $w->{id}, code => '1' }), $verify, 'code_wrong',
    '/code') for 1 .. 5;
$t->fails($t->post('/sms/otp/verify', { id => $w->{id}, code => '1' }), $verify,
    'attempts_exhausted');
$p->sql("update verification.codes set expires_at = now(), attempts = 0 where id = ?", $w->{id});
$t->fails($t->post('/sms/otp/verify', { id => $w->{id}, code => '1' }), $verify, 'code_expired');
$p->sql("update verification.destination_limits set locked_until = now() + interval '1 hour'");
$t->fails($t->post('/sms/otp/verify', { id => $w->{id}, code => '1' }), $verify,
    'destination_locked');
$t->fails($t->post('/sms/otp', { to => '+4915123456701' }), $start, 'destination_locked');
$p->sql("update verification.destination_limits set locked_until = null, sent = 10");
$t->fails($t->post('/sms/otp', { to => '+4915123456701' }), $start, 'resend_limit');
$t->post('/sms/otp', { to => '+4915123456703' });
$p->sql('update verification.codes set account_id = null');
$t->fails($t->post('/sms/otp', { to => '+4915123456703' }), $start, 'resend_too_soon', undef,
    'somebody else has asked for one a moment ago');
my $box = $t->post('/sms/providers', { name => 'box', kind => 'captured' })->json;
my $way = $t->post('/sms/routes', { prefix => '1', lane => 'otp', provider_id => $box->{id} });
$p->sql('delete from verification.destination_limits');
$t->fails($t->post('/sms/otp', { to => '+4915123456702' }), $start, 'country_not_allowed', '/to');

$t->post('/sms/routes', { lane => 'otp', provider_id => $box->{id} });
$t->post('/sms/prices/import', { provider_id => $box->{id}, csv => '49,5' });
$t->fails($t->post('/sms/otp', { to => '+4915123456702' }), $start, 'channel_away');

$p->stop;
$p->configure(domains => ['sms'], http => '');
$p->start;
$t->fails($t->post('/sms/otp', { to => $Sms::TO }), $start, 'dependency_missing');
$t->fails($t->post('/sms/otp/verify', { id => $v->{id}, code => '1' }), $verify,
    'dependency_missing');
$t->all_provoked('sms_otp.c');

done_testing;
