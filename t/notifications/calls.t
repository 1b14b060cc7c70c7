# What other domains ask, by the wrappers of notifications_api.h.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new(domains => [qw(herald notifications email sms)]);
my $p = $t->{p};
my $ann = $t->user;
my $ask = sub {
    my ($call, %in) = @_;
    my $r = $t->post("/herald/$call", \%in, token => $ann->{token});
    $r->{status} == 200 or diag $r->{raw};
    return $r->json;
};
my @to = (users => [ $ann->{id} ]);

$t->template(done => [ { channel => 'in_app', locale => 'en', title => '{{what}} is done' } ],
             variables => [ { name => 'what' } ]);
$t->device($ann);

my $sent = $ask->('send', template => 'done', @to, data => { what => 'It' }, key => 'k1');
is $sent->{code}, 0, 'a template to a user';
is $ask->('send', template => 'done', @to, data => { what => 'It' }, key => 'k1')->{id},
    $sent->{id}, 'once';
$t->waits(sub { $t->count($ann)->{unread} == 1 }, 'it comes');
is $ask->('unread', @to)->{unread}, 1, 'and is counted';
is $ask->('unread', users => [ $Pando::Routes::NOBODY ])->{unread}, 0, 'of nobody';

is $ask->('send', template => 'none', @to)->{code}, 1, 'no such template';
is $ask->('send', @to)->{code}, 1, 'nothing to say';
is $ask->('send', template => 'done', @to)->{code}, 2, 'a variable is missing';
is $ask->('send', template => 'done')->{code}, 3, 'for nobody';
is $ask->('send', template => 'done', topic => 'none')->{code}, 3, 'for no topic';
is $ask->('send', title => 'x', category => 'none', @to)->{code}, 4, 'of no category';
is $ask->('send', title => 'Plain', object => 'order:1', @to)->{code}, 0, 'plain words';
$t->waits(sub { $t->count($ann)->{unread} == 2 }, 'come as well');
is $ask->('resolve', object => 'order:1')->{requests}, 1, 'what is done is over';
is $ask->('resolve', object => 'order:1')->{requests}, 0, 'once';

ok $ask->('push', @to, title => 'Push', body => 'x')->{accepted}, 'a push';
$t->waits(sub { grep { $_->{payload}{title} eq 'Push' } $t->captured($ann) }, 'is captured');
ok $ask->('sms', to => '+4915123456789', message => 'x')->{accepted}, 'a text message';
ok !$ask->('sms', to => '+1234', message => 'x')->{accepted}, 'to no number';
ok !$ask->('email', to => 'a@example.com', template => 'none', data => {})->{accepted},
    'a mail of no template';

my $all = $ask->('export', @to)->{data};
is scalar @{ $all->{notifications} }, 2, 'all that is kept of a user';
is scalar @{ $all->{devices} }, 1, 'with the devices';

my $alone = Pando->new(domains => ['herald']);
my $r = $alone->post('/api/v1/herald/send', { title => 'x', @to }, token => {});
is $r->json->{code}, -1, 'where notifications is nowhere, it is said so';

done_testing;
