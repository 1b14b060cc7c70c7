# Ten thousand recipients (or MANY of them), over SMTP, with workers that die: each gets the
# campaign once, or is known not to be certain.

use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use Mails;
use Pando;
use Pando::Elsewhere;
use POSIX ();
use Time::HiRes qw(time);

my $n = $ENV{MANY} // 10_000;
my $dir = tempdir(CLEANUP => 1);

# One process for all connections, which takes every mail: whom it was for is a
# line of one write, counted by its size.
my $socket = IO::Socket::INET->new(Listen => 512, LocalAddr => '127.0.0.1') or die "listen: $!\n";
my $port = $socket->sockport;
my $pid = fork // die "fork: $!\n";
serve($socket) unless $pid;
close $socket;
END { kill 'KILL', $pid if $pid }

sub serve
{
    my ($socket) = @_;
    my $all = IO::Select->new($socket);
    my (%in, %data);

    open my $out, '>>', "$dir/taken" or die;
    $SIG{PIPE} = 'IGNORE';
    eval { server($_[0], $all, $out, \%in, \%data) };
    POSIX::_exit(1);
}

sub server
{
    my ($socket, $all, $out, $in, $data) = @_;

    while (1) {
        for my $c ($all->can_read) {
            if ($c == $socket) {
                my $new = $socket->accept or next;
                $all->add($new);
                syswrite $new, "220 mail.test\r\n";
                next;
            }

            my $got = sysread $c, $in->{$c} //= '', 65536, length($in->{$c} // '');
            $all->remove($c), delete $in->{$c}, delete $data->{$c}, close $c, next unless $got;

            while ($in->{$c} =~ s/\A(.*?)\r\n//) {
                my $line = $1;
                if ($data->{$c}) {
                    next if $line ne '.';
                    syswrite $out, delete($data->{$c}) . "\n";
                    syswrite $c, "250 taken\r\n";
                } elsif ($line =~ /^RCPT TO:<u(\d{6})@/) {
                    $data->{who}{$c} = $1;
                    syswrite $c, "250 ok\r\n";
                } elsif ($line eq 'DATA') {
                    $data->{$c} = delete $data->{who}{$c};
                    syswrite $c, "354 go on\r\n";
                } else {
                    syswrite $c, "250 ok\r\n";
                }
            }
        }
    }
}

my $t = Mails->new(workers => 4, large => 1,
    to => [ bless { port => $port }, 'Pando::Elsewhere' ],
    http => 'pando_set email.lease_seconds 8; pando_set email.require_domain off;
             pando_set email.track_campaigns off; pando_jobs lease=3s;');
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;
my $came = sub { (-s "$dir/taken" // 0) / 7 };
my $of = sub { ($p->sql("select count(*) from email.messages where campaign_id = ?
    and state = ?", @_))[0][0] };

$t->post('/email/templates', { key => 'news', subject => 'Hi',
    text => 'hello {{unsubscribe_url}} {{postal_address}}' });
$t->post('/email/templates/news/publish', {});
$t->post('/email/providers', { name => 'relay', kind => 'smtp', host => '127.0.0.1',
    port => $port, tls => 'plain' });
my $list = $t->post('/email/lists', { name => 'Many' })->json->{id};
$p->sql("insert into email.list_members (list_id, to_norm, tenant_id, to_address, state, proof)
    select ?, a, ?, a, 'confirmed', '{}' from (select 'u' || lpad(i::text, 6, '0') || '\@x.test' a
    from generate_series(1, $n) i) s", $list, $tenant);
$p->sql('analyze email.list_members');
my $c = $t->post('/email/campaigns', { name => 'c', template => 'news', list_id => $list,
    postal_address => 'here' })->json;
my $began = time;
$t->post("/email/campaigns/$c->{id}/schedule", {});

for my $part (0.2, 0.6) {
    $t->waits(sub { $came->() > $part * $n }, "$part of it is sent", 300);
    $p->kill_worker('KILL', $_) for ($p->worker_pids)[0, 1];
}

my $at = sub { $t->get("/email/campaigns/$c->{id}")->json };
$t->waits(sub { ($p->sql('select state from email.campaigns where id = ?', $c->{id}))[0][0]
    eq 'sent' }, 'all of it, though two of four died twice', 300);
diag sprintf '%d mails in %.1f s', $came->(), time - $began;
$t->waits(sub { $p->sql('select email.sweep(100)'); !$of->($c->{id}, 'sending') },
          'what the dead had in hand is looked at');

my ($sent, $unsure) = map { $of->($c->{id}, $_) } qw(sent uncertain);
is $sent + $unsure, $n, 'each is sent, or known to be uncertain' or diag explain $at->();
cmp_ok $unsure, '<=', 2 * 2 * 16, 'of which there are no more than the dead had in hand';
my %got;
open my $in, '<', "$dir/taken" or die;
$got{ 0 + $_ }++ while <$in>;
is scalar(grep { $_ > 1 } values %got), 0, 'nobody gets it twice';
my %uncertain = map { $_->[0] => 1 } $p->sql("select substr(to_norm, 2, 6)::int
    from email.messages where campaign_id = ? and state = 'uncertain'", $c->{id});
is scalar(grep { !$got{$_} && !$uncertain{$_} } 1 .. $n), 0, 'and nobody is forgotten';
my ($next, $listed) = ("/email/messages?campaign=$c->{id}&state=uncertain&limit=200", 0);
$listed += @{ $t->get($next)->json->{data} };
is $listed, $unsure, 'the uncertain ones are listed';
diag "$unsure uncertain";

done_testing;
