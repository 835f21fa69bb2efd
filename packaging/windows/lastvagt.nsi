; The Windows installers of Lastvagt; packaging/windows/build.py calls makensis with what it needs:
;   PAYLOAD  folder of the frozen program        REMOVE   list of what of it to remove again
;   VERSION, QUAD, KB, ICON, SIDE, LICENSE, OUT  FORM     user, machine or server
;   WRAPPER  WinSW, where the engine can be a service (not for a user)
;   SIGN     command that signs a file, where there is one
;
; Switches: /S silent, /D=folder (last, unquoted), /SITE=site.toml, /SERVICE (machine; server always), and for uninstall.exe /S and /PURGE.
; Exit codes: 0 done, 1 cancelled, 3 the program runs and cannot be closed, 4 a file, the disk or the service refused.

Unicode true
SetCompressor /SOLID lzma
ManifestDPIAware true
ManifestSupportedOS Win10
ManifestLongPathAware true
!include "MUI2.nsh"
!include "LogicLib.nsh"
!include "FileFunc.nsh"
!include "x64.nsh"
!include "WinVer.nsh"

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Lastvagt"
!define PATHS "Software\Microsoft\Windows\CurrentVersion\App Paths"
!define SERVICE "lastvagt-engine"
!if "${FORM}" == "user"
  !define ROOT HKCU
  !define CONTEXT current
  RequestExecutionLevel user
  !define HOME "$LOCALAPPDATA\Programs\Lastvagt"
!else
  !define ROOT HKLM
  !define CONTEXT all
  RequestExecutionLevel admin
  !define HOME "$PROGRAMFILES64\Lastvagt"
!endif
!if "${FORM}" == "server"
  !define FIRST "lastvagt-engine.exe"
!else
  !define FIRST "lastvagt.exe"
  !define WITH_APP
!endif

Name "Lastvagt"
OutFile "${OUT}"
BrandingText "Lastvagt ${VERSION}"
ShowInstDetails nevershow
ShowUninstDetails nevershow
VIProductVersion "${QUAD}"
VIFileVersion "${QUAD}"
VIAddVersionKey /LANG=0 "ProductName" "Lastvagt"
VIAddVersionKey /LANG=0 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "FileDescription" "Lastvagt installer (${FORM})"
VIAddVersionKey /LANG=0 "CompanyName" "The Lastvagt authors"
VIAddVersionKey /LANG=0 "LegalCopyright" "MIT License"
!ifdef SIGN
  !finalize '${SIGN} "%1"' = 0
  !uninstfinalize '${SIGN} "%1"' = 0
!endif

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_ABORTWARNING
!define MUI_WELCOMEFINISHPAGE_BITMAP "${SIDE}"
!define MUI_WELCOMEPAGE_TEXT "$(WELCOME)"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "${LICENSE}"
!ifdef WRAPPER
  !insertmacro MUI_PAGE_COMPONENTS
!endif
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!ifdef WITH_APP
  !define MUI_FINISHPAGE_RUN
  !define MUI_FINISHPAGE_RUN_FUNCTION open
!endif
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_COMPONENTS
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "Danish"

!macro TEXT NAME DANISH ENGLISH
  LangString ${NAME} ${LANG_DANISH} "${DANISH}"
  LangString ${NAME} ${LANG_ENGLISH} "${ENGLISH}"
!macroend
!if "${FORM}" == "user"
  !insertmacro TEXT WELCOME "Lastvagt forudsiger Danmarks elforbrug time for time.$\r$\n$\r$\nProgrammet installeres for dig alene og kræver ingen administrator. En tidligere udgave bliver afløst; data og indstillinger bliver, hvor de er." "Lastvagt forecasts Danish electricity consumption hour by hour.$\r$\n$\r$\nIt is installed for you alone and needs no administrator. An earlier version is replaced; data and settings stay where they are."
!else
  !insertmacro TEXT WELCOME "Lastvagt forudsiger Danmarks elforbrug time for time.$\r$\n$\r$\nProgrammet installeres for alle på denne computer. En tidligere udgave bliver afløst; data og indstillinger bliver, hvor de er." "Lastvagt forecasts Danish electricity consumption hour by hour.$\r$\n$\r$\nIt is installed for everybody on this computer. An earlier version is replaced; data and settings stay where they are."
!endif
!insertmacro TEXT PROGRAM "Programmet" "The program"
!insertmacro TEXT PROGRAM_TOLD "Det, der skal installeres." "What is to be installed."
!insertmacro TEXT AS_SERVICE "Motoren som tjeneste" "The engine as a service"
!insertmacro TEXT AS_SERVICE_TOLD "Motoren kører, også når ingen er logget på, og vinduet viser dens prognoser." "The engine runs even while nobody is logged on, and the window shows its forecasts."
!insertmacro TEXT DATA "Data og indstillinger" "Data and settings"
!insertmacro TEXT DATA_TOLD "Slet også databasen, prognoserne og indstillingerne. Det kan ikke fortrydes." "Also delete the database, the forecasts and the settings. This cannot be undone."
!insertmacro TEXT RUNS "Lastvagt kører stadig og kunne ikke lukkes. Luk programmet, og prøv igen." "Lastvagt still runs and could not be closed. Close it, then try again."
!insertmacro TEXT OLD_STAYS "Den tidligere udgave kunne ikke fjernes. Genstart computeren, og prøv igen." "The earlier version could not be removed. Restart the computer, then try again."
!insertmacro TEXT NEEDS_64 "Lastvagt kræver 64-bit Windows 10 eller nyere." "Lastvagt needs 64-bit Windows 10 or later."
!insertmacro TEXT NO_SITE "Filen, der er nævnt med /SITE, kan ikke læses." "The file named with /SITE cannot be read."
!insertmacro TEXT NO_SERVICE "Tjenesten kunne ikke oprettes eller startes. Se Windows' hændelseslog." "The service could not be made or started. Look into the event log of Windows."
!insertmacro TEXT NO_RIGHTS "Rettighederne til %ProgramData%\Lastvagt kunne ikke sættes." "The rights to %ProgramData%\Lastvagt could not be set."
!insertmacro TEXT NO_SPACE "Filerne kunne ikke skrives. Er der plads nok på disken?" "The files could not be written. Is there room enough on the disk?"

Var data ; where data and settings are

!macro FAIL CODE TEXT
  MessageBox MB_OK|MB_ICONSTOP "$(${TEXT})" /SD IDOK
  SetErrorLevel ${CODE}
  Quit
!macroend

!macro RIGHTS WHAT
  nsExec::Exec '"$SYSDIR\icacls.exe" ${WHAT}'
  Pop $0
  StrCpy $1 "$1$0"
!macroend

!macro PLACES UN
  Function ${UN}Places
    SetRegView 64
    SetShellVarContext ${CONTEXT}
!if "${FORM}" == "user"
    StrCpy $data "$LOCALAPPDATA\lastvagt"
!else
    StrCpy $data "$APPDATA\Lastvagt"
!endif
  FunctionEnd

  ; Stops the service, asks Windows to close what else of ours runs, and gives up where a program file is still in use.
  Function ${UN}CloseAll
    ${If} ${FileExists} "$INSTDIR\service\lastvagt-service.exe"
      nsExec::Exec '"$INSTDIR\service\lastvagt-service.exe" stopwait'
      Pop $0
    ${EndIf}
    StrCpy $R1 "$INSTDIR\lastvagt.exe"
    Call ${UN}CloseOne
    StrCpy $R1 "$INSTDIR\lastvagt-engine.exe"
    Call ${UN}CloseOne
  FunctionEnd

  Function ${UN}CloseOne
    ${Do}
      ${IfNot} ${FileExists} $R1
        ${ExitDo}
      ${EndIf}
      ClearErrors
      FileOpen $0 $R1 a
      ${IfNot} ${Errors}
        FileClose $0
        ${ExitDo}
      ${EndIf}
      ; The Restart Manager asks windows to close and sends Ctrl-C to the engine, which ends cleanly at both.
      System::Call 'rstrtmgr::RmStartSession(*i .r1, i 0, w .r2) i .r0'
      ${If} $0 = 0
        System::Call '*(&w${NSIS_MAX_STRLEN} R1) p .r2'
        System::Call '*(p r2) p .r3'
        System::Call 'rstrtmgr::RmRegisterResources(i r1, i 1, p r3, i 0, p 0, i 0, p 0) i .r0'
        ${If} $0 = 0
          System::Call 'rstrtmgr::RmShutdown(i r1, i 0, p 0) i .r0'
        ${EndIf}
        System::Call 'rstrtmgr::RmEndSession(i r1)'
        System::Free $3
        System::Free $2
      ${EndIf}
      ClearErrors
      FileOpen $0 $R1 a
      ${IfNot} ${Errors}
        FileClose $0
        ${ExitDo}
      ${EndIf}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(RUNS)" /SD IDCANCEL IDRETRY again
      SetErrorLevel 3
      Quit
      again:
    ${Loop}
  FunctionEnd
!macroend
!insertmacro PLACES ""
!insertmacro PLACES "un."


Section "$(PROGRAM)" s_program
  SectionIn RO
  Call Places
  ; An earlier version removes what it brought, by its own list; what is no file of the program stays.
  ${If} ${FileExists} "$INSTDIR\uninstall.exe"
    Call CloseAll
    ExecWait '"$INSTDIR\uninstall.exe" /S /UPGRADE _?=$INSTDIR' $0
    ${If} $0 <> 0
      !insertmacro FAIL 4 OLD_STAYS
    ${EndIf}
  ${EndIf}
  SetOutPath "$INSTDIR"
  ClearErrors
  File /r "${PAYLOAD}/*"
  ${If} ${Errors}
    !insertmacro FAIL 4 NO_SPACE
  ${EndIf}
  WriteUninstaller "$INSTDIR\uninstall.exe"

  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/SITE=" $3
  ${IfNot} ${Errors}
!if "${FORM}" == "user"
    StrCpy $data $INSTDIR ; beside the program
!else
    Call Guard
!endif
    System::Call 'kernel32::CopyFile(w r3, w "$data\site.toml", i 0) i .r0'
    ${If} $0 = 0
      !insertmacro FAIL 4 NO_SITE
    ${EndIf}
    Delete "$data\site.toml.minisig"
    System::Call 'kernel32::CopyFile(w "$3.minisig", w "$data\site.toml.minisig", i 0)'
  ${EndIf}

  WriteRegStr ${ROOT} "${KEY}" "DisplayName" "Lastvagt"
  WriteRegStr ${ROOT} "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr ${ROOT} "${KEY}" "Publisher" "The Lastvagt authors"
  WriteRegStr ${ROOT} "${KEY}" "DisplayIcon" "$INSTDIR\${FIRST}"
  WriteRegStr ${ROOT} "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr ${ROOT} "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr ${ROOT} "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD ${ROOT} "${KEY}" "EstimatedSize" ${KB}
  WriteRegDWORD ${ROOT} "${KEY}" "NoModify" 1
  WriteRegDWORD ${ROOT} "${KEY}" "NoRepair" 1
  WriteRegStr ${ROOT} "${PATHS}\lastvagt-engine.exe" "" "$INSTDIR\lastvagt-engine.exe"
!ifdef WITH_APP
  WriteRegStr ${ROOT} "${PATHS}\lastvagt.exe" "" "$INSTDIR\lastvagt.exe"
  CreateShortcut "$SMPROGRAMS\Lastvagt.lnk" "$INSTDIR\lastvagt.exe"
!endif
SectionEnd

!ifdef WRAPPER
Section /o "$(AS_SERVICE)" s_service
  Call Guard
  SetOutPath "$INSTDIR\service"
  File "/oname=lastvagt-service.exe" "${WRAPPER}"
  File "${__FILEDIR__}/lastvagt-service.xml"
  ; A virtual account, which has no password and no right but those given here.
  nsExec::Exec '"$INSTDIR\service\lastvagt-service.exe" install'
  Pop $0
  nsExec::Exec '"$SYSDIR\sc.exe" config ${SERVICE} obj= "NT SERVICE\${SERVICE}"'
  Pop $1
  nsExec::Exec '"$SYSDIR\icacls.exe" "$data\data" /grant "NT SERVICE\${SERVICE}:(OI)(CI)M"'
  Pop $2
  nsExec::Exec '"$INSTDIR\service\lastvagt-service.exe" start'
  Pop $3
  ${If} "$0$1$2$3" != "0000"
    !insertmacro FAIL 4 NO_SERVICE
  ${EndIf}
!ifdef WITH_APP
  ${IfNot} ${FileExists} "$data\site.toml" ; which says itself what windows show
    CreateShortcut "$SMPROGRAMS\Lastvagt.lnk" "$INSTDIR\lastvagt.exe" "--connect http://127.0.0.1:8787"
  ${EndIf}
!endif
SectionEnd
!endif

!if "${FORM}" != "user"
; The folder of the machine: everybody may read its settings, only administrators write them; the data are the service's alone.
; Whoever made the folder before us, and what rights were given there, no longer counts.
Function Guard
  CreateDirectory "$data\data"
  StrCpy $1 ""
  !insertmacro RIGHTS '"$data" /setowner "*S-1-5-32-544" /T /L /Q'
  !insertmacro RIGHTS '"$data" /reset /T /L /Q'
  !insertmacro RIGHTS '"$data" /inheritance:r /grant "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F" "*S-1-5-32-545:(OI)(CI)RX"'
  !insertmacro RIGHTS '"$data\data" /inheritance:r /grant "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F"'
  ${If} $1 != "0000"
    !insertmacro FAIL 4 NO_RIGHTS
  ${EndIf}
FunctionEnd
!endif

!ifdef WITH_APP
Function open
  ExecShell "open" "$SMPROGRAMS\Lastvagt.lnk" ; as the menu does, not as administrator where there is a shell to ask
FunctionEnd
!endif

Function .onInit
  ${IfNot} ${RunningX64}
  ${OrIfNot} ${AtLeastWin10}
    !insertmacro FAIL 4 NEEDS_64
  ${EndIf}
  Call Places
  ${If} $INSTDIR == "" ; no /D
    ReadRegStr $INSTDIR ${ROOT} "${KEY}" "InstallLocation"
  ${EndIf}
  ${If} $INSTDIR == ""
    StrCpy $INSTDIR "${HOME}"
  ${EndIf}
!ifdef WRAPPER
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/SERVICE" $1
  ${IfNot} ${Errors}
  ${OrIf} ${FileExists} "$INSTDIR\service\lastvagt-service.exe"
  ${OrIf} "${FORM}" == "server"
    !insertmacro SelectSection ${s_service}
  ${EndIf}
!endif
FunctionEnd

Section "un.$(PROGRAM)" s_un_program
  SectionIn RO
  Call un.Places
  Call un.CloseAll
  ${If} ${FileExists} "$INSTDIR\service\lastvagt-service.exe"
    nsExec::Exec '"$INSTDIR\service\lastvagt-service.exe" uninstall'
    Pop $0
  ${EndIf}
  Delete "$INSTDIR\service\lastvagt-service.exe"
  Delete "$INSTDIR\service\lastvagt-service.xml"
  RMDir "$INSTDIR\service"
  !include "${REMOVE}"
  Delete "$INSTDIR\uninstall.exe"
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/UPGRADE" $1
  ${If} ${Errors}
    Delete "$SMPROGRAMS\Lastvagt.lnk"
    DeleteRegKey ${ROOT} "${KEY}"
    DeleteRegKey ${ROOT} "${PATHS}\lastvagt.exe"
    DeleteRegKey ${ROOT} "${PATHS}\lastvagt-engine.exe"
  ${EndIf}
  RMDir "$INSTDIR"
SectionEnd

Section /o "un.$(DATA)" s_un_data
  Delete "$INSTDIR\site.toml"
  Delete "$INSTDIR\site.toml.minisig"
  RMDir "$INSTDIR"
  RMDir /r "$data"
  SetShellVarContext current
  RMDir /r "$LOCALAPPDATA\lastvagt"
SectionEnd

Function un.onInit
  Call un.Places
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/PURGE" $1
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${s_un_data}
  ${EndIf}
FunctionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
  !insertmacro MUI_DESCRIPTION_TEXT ${s_program} "$(PROGRAM_TOLD)"
!ifdef WRAPPER
  !insertmacro MUI_DESCRIPTION_TEXT ${s_service} "$(AS_SERVICE_TOLD)"
!endif
!insertmacro MUI_FUNCTION_DESCRIPTION_END
!insertmacro MUI_UNFUNCTION_DESCRIPTION_BEGIN
  !insertmacro MUI_DESCRIPTION_TEXT ${s_un_program} "$(PROGRAM_TOLD)"
  !insertmacro MUI_DESCRIPTION_TEXT ${s_un_data} "$(DATA_TOLD)"
!insertmacro MUI_UNFUNCTION_DESCRIPTION_END
