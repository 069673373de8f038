#Requires -Version 7.2

# Runs a short list of Exchange Online cmdlets for rollout, which holds this session open and sends a line of JSON per
# request. Everything that varies comes in those lines, as data: this text never changes and holds no value.
# An answer is one line of JSON between two lines with the mark of the session; whatever else is printed is talk.

$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$VerbosePreference = 'SilentlyContinue'
$DebugPreference = 'SilentlyContinue'
$ConfirmPreference = 'None'
if ($null -ne $PSStyle) {
    $PSStyle.OutputRendering = 'PlainText'
}

# The cmdlets that may be run, and the parameters that each may be given.
$allowed = @{
    'Get-AcceptedDomain'                = @('Identity', 'ResultSize')
    'Get-DnssecStatusForVerifiedDomain' = @('DomainName')
    'Enable-DnssecForVerifiedDomain'    = @('DomainName')
    'Disable-DnssecForVerifiedDomain'   = @('DomainName')
    'Get-SmtpDaneInboundStatus'         = @('DomainName')
    'Enable-SmtpDaneInbound'            = @('DomainName')
    'Disable-SmtpDaneInbound'           = @('DomainName')
    'Get-IPv6StatusForAcceptedDomain'   = @('Domain')
    'Get-InboundConnector'              = @('ResultSize')
    'Get-OutboundConnector'             = @('ResultSize', 'IncludeTestModeConnectors')
}

function Write-Answer {
    param([string] $Mark, [string] $Id, $Answer)
    $json = ConvertTo-Json -InputObject $Answer -Depth 10 -Compress -EnumsAsStrings -EscapeHandling EscapeNonAscii -WarningAction Ignore
    [Console]::Out.WriteLine("$Mark begin $Id")
    [Console]::Out.WriteLine($json)
    [Console]::Out.WriteLine("$Mark end $Id")
    [Console]::Out.Flush()
}

function Get-Failure {
    param([string] $Stage, $ErrorRecord)
    $exception = $ErrorRecord.Exception
    @{
        stage = $Stage
        error = @{
            innererror = @{
                internalexception = @{
                    type    = $exception.GetType().FullName
                    message = $exception.Message
                }
            }
        }
        id    = $ErrorRecord.FullyQualifiedErrorId
    }
}

function Connect-Service {
    param($Request)
    $module = Get-Module -ListAvailable -Name ExchangeOnlineManagement |
        Sort-Object -Property Version -Descending |
        Select-Object -First 1
    if ($null -eq $module) {
        return @{ stage = 'module'; found = $null }
    }
    if ($module.Version -lt [version] $Request['least']) {
        return @{ stage = 'module'; found = $module.Version.ToString() }
    }
    try {
        Import-Module -ModuleInfo $module -ErrorAction Stop
        $arguments = $Request['parameters']
        if ($Request.ContainsKey('password')) {
            $arguments['CertificatePassword'] = ConvertTo-SecureString -String $Request['password'] -AsPlainText -Force
        }
        $arguments['ShowBanner'] = $false
        $arguments['CommandName'] = [string[]] @($allowed.Keys)
        Connect-ExchangeOnline @arguments -ErrorAction Stop | Out-Host
        $session = Get-ConnectionInformation | Select-Object -First 1
    }
    catch {
        return Get-Failure -Stage 'connect' -ErrorRecord $_
    }
    $exported = @(
        foreach ($name in $allowed.Keys) {
            if (Get-Command -Name $name -ErrorAction Ignore) { $name }
        }
    )
    @{
        stage           = 'connected'
        module          = $module.Version.ToString()
        powershell      = $PSVersionTable.PSVersion.ToString()
        tenant          = "$($session.TenantID)"
        organization    = "$($session.Organization)"
        exportedCmdlets = $exported
    }
}

function Invoke-Request {
    param($Request)
    try {
        $name = [string] $Request['cmdlet']
        if (-not $allowed.ContainsKey($name)) {
            throw [System.NotSupportedException]::new('the request names a cmdlet that is not on the list')
        }
        $arguments = @{}
        foreach ($parameter in $Request['parameters'].Keys) {
            if ($allowed[$name] -notcontains $parameter) {
                throw [System.NotSupportedException]::new('the request names a parameter that is not on the list')
            }
            $arguments[$parameter] = $Request['parameters'][$parameter]
        }
    }
    catch {
        return Get-Failure -Stage 'request' -ErrorRecord $_
    }
    try {
        $warned = $null
        $rows = @(& $name @arguments -ErrorAction Stop -WarningAction SilentlyContinue -WarningVariable warned)
        @{
            stage                = 'ran'
            value                = $rows
            '@adminapi.warnings' = @($warned | ForEach-Object { "$_" })
        }
    }
    catch {
        Get-Failure -Stage 'cmdlet' -ErrorRecord $_
    }
}

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $request = ConvertFrom-Json -InputObject $line -AsHashtable -Depth 10
    $answer = switch ($request['do']) {
        'connect' { Connect-Service -Request $request }
        'run' { Invoke-Request -Request $request }
    }
    Write-Answer -Mark $request['mark'] -Id $request['id'] -Answer $answer
}

if (Get-Command -Name Disconnect-ExchangeOnline -ErrorAction Ignore) {
    Disconnect-ExchangeOnline -Confirm:$false -ErrorAction Ignore | Out-Null
}
