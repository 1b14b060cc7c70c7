# Checks of ports, certificates, mail servers and names; none looks at what is
# private, and none tells where it looked.

use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use Names;
use Pando;
use Pando::Elsewhere;
use Ward;

my $dir = tempdir(CLEANUP => 1);

sub openssl { system("cd $dir && openssl $_[0] 2>/dev/null") == 0 or die "openssl $_[0]\n" }

# A certificate of that name for so many days, by the authority or by itself.
sub certificate
{
    my ($file, $name, $days, $authority) = @_;

    open my $out, '>', "$dir/$file.ext" or die;
    print $out "subjectAltName=DNS:$name\n";
    close $out;
    openssl("req -newkey rsa:2048 -nodes -keyout $file.key -subj /CN=$name -out $file.csr");
    openssl("x509 -req -in $file.csr -days $days -extfile $file.ext -out $file.pem "
            . ($authority ? "-CA ca.pem -CAkey ca.key -CAcreateserial" : "-signkey $file.key"));
    return [ "$dir/$file.pem", "$dir/$file.key" ];
}

openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=ours -days 900 -out ca.pem');
my %tls = map { my ($file, @more) = @$_; $file => Pando::Elsewhere->serve(
        sub { my ($s) = @_; sysread $s, my $in, 1 }, tls => certificate($file, @more)) }
    [ good => 'good.example', 90, 1 ], [ late => 'good.example', 10, 1 ],
    [ over => 'good.example', 1, 1 ], [ other => 'other.example', 90, 1 ],
    [ own => 'good.example', 90, 0 ];

# A mail server that greets as it is told to.
my $greeting = "$dir/greeting";
sub greets { open my $out, '>', $greeting or die; print $out $_[0]; close $out }
my $mail = Pando::Elsewhere->serve(sub {
    my ($s) = @_;
    open my $in, '<', $greeting or die;
    my $text = <$in>;

    sleep 30 if $text eq 'nothing';
    print $s "$text\r\n";
    while (my $line = <$s>) {
        print $s "250 hello\r\n" if $line =~ /^(?:EHLO|HELO)/i;
        print $s "221 bye\r\n" if $line =~ /^QUIT/i;
    }
});
greets('220 mail.example ESMTP');

my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my %port = (closed => $closed->sockport, mail => $mail->port,
    map { $_ => $tls{$_}->port } keys %tls);
close $closed;

my $dns = Names->new;
$dns->are('127.0.0.1');
my $t = Ward->new(workers => 2, http => "
    pando_outbound_allow 127.0.0.1;
    pando_outbound_ports " . join(' ', 80, 443, 25, sort values %port) . ";
    pando_outbound_ca $dir/ca.pem;
    resolver 127.0.0.1:" . $dns->port . ' valid=1s ipv6=off;');
my $p = $t->{p};
my $n = 0;

sub check
{
    my ($kind, $target, %more) = @_;
    return $t->post('/health-checks', { name => 'c' . ++$n, component => 'net', kind => $kind,
        interval_s => 86400, timeout_ms => 5000, target => $target, %more });
}

sub result
{
    my $r = $t->post("/health-checks/$_[0]/run")->json;
    return "$r->{outcome} $r->{detail}";
}

sub finds
{
    my $r = check(@_);
    return $r->{status} == 201 ? result($r->json->{id}) : "$r->{status} $r->{body}";
}


# ports

my %here = (host => '127.0.0.1');
is finds(tcp => { %here, port => $port{mail} }), 'pass ', 'a port that answers';
is finds(tcp => { %here, port => $port{closed} }), 'fail connect', 'one that does not';
is finds(tcp => { host => 'some.example', port => $port{mail} }), 'pass ', 'by name';


# certificates

sub tls { my ($which, %more) = @_; finds(tls => { host => 'good.example', port => $port{$which},
                                                  %more }) }

like tls('good'), qr/^pass (?:89|90) days left$/, 'one that is sound';
like tls('good', days_warn => 91), qr/^warn (?:89|90) days left$/, 'or not for long enough';
like tls('good', days_warn => 200, days_fail => 100), qr/^fail (?:89|90) days left$/;
like tls('late'), qr/^warn (?:9|10) days left$/, 'ten days are few';
like tls('late', days_warn => 5), qr/^pass/;
like tls('over'), qr/^fail [01] days left$/, 'one day is none';
is tls('other'), 'fail the certificate is of another name';
is tls('own'), 'fail nobody vouches for the certificate';
like tls('mail'), qr/^fail (?:tls|broken|timeout|connect)$/, 'what speaks no TLS';
is check(tls => { host => 'good.example', days_warn => 3, days_fail => 9 })->json->{code},
    'target_invalid';


# mail

my %smtp = (%here, port => $port{mail});
is finds(smtp => \%smtp), 'pass answers 220';
greets('421 not now');
like finds(smtp => \%smtp), qr/^fail denied$/, 'a server that says no';
greets('nothing');
is result(check(smtp => \%smtp, timeout_ms => 300)->json->{id}), 'fail timeout',
    'one that says nothing';


# names

my $name = check(dns => { host => 'there.example' })->json->{id};
$dns->are('127.0.0.1');
is result($name), 'pass ', 'a name that is there';
my $one = check(dns => { host => 'one.example', addresses => ['127.0.0.1'] })->json->{id};
my $two = check(dns => { host => 'two.example', addresses => [ '198.51.100.7', '93.184.216.34' ] })
    ->json->{id};
is result($one), 'pass ', 'and what it should be';
$dns->are('93.184.216.34');
ok $p->wait_for(sub { result($one) eq 'fail other addresses' }, 30), 'or something else';
is result($two), 'fail other addresses', 'one of two is not enough';
$dns->are('10.0.0.1');
ok $p->wait_for(sub { result($one) eq 'unknown refused_address' }, 30),
    'what is inside is not told';
$dns->are;
ok $p->wait_for(sub { result($name) eq 'fail resolve' }, 30), 'a name that is no more';


# what may be looked at

for my $host ('169.254.169.254', '10.0.0.1', '127.0.0.2', '::1', '0x7f000002',
              '[::1]', 'a b', 'good.example/x', 'user@good.example')
{
    for my $kind (qw(tcp tls smtp dns)) {
        my %port = $kind eq 'tcp' ? (port => 443) : ();
        like check($kind => { host => $host, %port })->json->{code} // 'taken',
            qr/^(?:target_not_allowed|target_invalid)$/, "$kind: not $host";
    }
}

$dns->are('127.0.0.2');
my %away = (host => 'away.example');
ok $p->wait_for(sub { finds(tcp => { %away, port => $port{mail} }) eq 'unknown refused_address' },
                30), 'a name that leads there: refused when it is connected to';
is finds(tls => { %away, port => $port{good} }), 'unknown refused_address';
is finds(smtp => { %away, port => $port{mail} }), 'unknown refused_address';
is finds(tcp => { %here, port => 22 }), 'unknown refused_address', 'nor any port';

for ([ tcp => { host => 'x.example' } ], [ tcp => { port => 443 } ], [ tls => {} ],
     [ dns => { host => 'x.example', port => 53 } ],
     [ smtp => { host => 'x.example', url => 'x' } ])
{
    my ($kind, $target) = @$_;
    is check($kind => $target)->{status}, 422, "no $kind of " . join ' ', %$target;
}

done_testing;
