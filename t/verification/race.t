# Many answers at once, right and wrong, many starts at once; and that one
# proof is redeemed once.

use FindBin;
use lib $FindBin::Bin;
use Codes;
use Pando;

my $t = Codes->new(workers => 2);
my $p = $t->{p};

sub at_once
{
    my ($v, $n, $code) = @_;
    my %of;

    $of{$_->{status} == 200 ? 'approved' : $_->json->{code} // $_->{status}}++
        for $p->parallel(map { [ 'POST', "/api/v1/verifications/$v->{id}/check",
                                 body => { code => $code } ] } 1 .. $n);
    return \%of;
}

my $v = $t->started;
is_deeply at_once($v, 100, $t->code), { approved => 1, code_used => 99 },
    'a hundred right answers: one is approved';
is +($p->sql('select count(*) from verification.proofs'))[0][0], 1, 'and gives one proof';
is +($p->sql("select count(*) from pando.outbox where type = 'verification.approved'"))[0][0], 1,
    'which is told once';

my %b = (to => '+4915123456700');
my $w = $t->started(%b);
my $code = $t->code($b{to});
is_deeply at_once($w, 100, Codes::wrong($code)), { code_wrong => 5, attempts_exhausted => 95 },
    'a hundred wrong ones: five count';
is $t->check($w, $code)->json->{code}, 'attempts_exhausted', 'the right one comes too late';
is +($p->sql("select failed from verification.destination_limits
    where failed > 0"))[0][0], 5, 'five are counted for the number';

my @r = $p->parallel(map { [ 'POST', '/api/v1/verifications', body => { purpose => 'login',
    to => '+4915123456701' } ] } 1 .. 50);
my %ids = map { ($_->json->{id} // $_->{raw}) => 1 } @r;
is scalar(grep { $_->{status} == 202 } @r), 50, 'fifty starts for one number';
is scalar keys %ids, 1, 'are one code';
is scalar(() = $t->texts('+4915123456701')), 1, 'that is sent once';
is +($p->sql("select count(*) from verification.codes where masked like '%01'
    and canceled_at is null"))[0][0], 1;

@r = $p->parallel(map { [ 'POST', '/api/v1/verifications', body => { purpose => $_,
    to => '+4915123456702' } ] } qw(login register reset) x 5);
is scalar(() = $t->texts('+4915123456702')), 3, 'each purpose has its own';

done_testing;
